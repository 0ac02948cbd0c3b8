// Puts each case of standard input before an independent evaluator, one JSON line in, one JSON line out.
//
// The evaluator is the npm package @cloud-copilot/iam-simulate (AGPL-3.0-or-later): it is installed where the first
// argument says, runs in this process alone, and nothing of it is part of iamsync.
//
// in:  {id, identity: [doc], boundary?, session?, scps?: [[doc]], rcps?: [[doc]], resourcePolicy?,
//       principal, action, resource, account, context: {key: text | [text]}}
// out: {id, verdict: "allowed" | "explicit_deny" | "implicit_deny" | "error", detail}
//
// What is asked is the evaluation alone, without the checks that come before it: they would refuse or rewrite
// requests by the package's own action database. The package exports no such entry, hence the paths below.
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const home = process.argv[2]
const part = (name, file) =>
  import(pathToFileURL(path.join(home, 'node_modules', '@cloud-copilot', name, 'dist', 'esm', file)).href)

const { loadPolicy } = await part('iam-policy', 'index.js')
const { authorize } = await part('iam-simulate', 'core_engine/CoreSimulatorEngine.js')
const { AwsRequestImpl } = await part('iam-simulate', 'request/request.js')
const { RequestContextImpl } = await part('iam-simulate', 'requestContext.js')
const { DiscoveryContextKeyConstraints } = await part('iam-simulate', 'context_keys/discoveryContextKeyConstraints.js')

const VERDICTS = { Allowed: 'allowed', ExplicitlyDenied: 'explicit_deny', ImplicitlyDenied: 'implicit_deny' }

const loaded = (documents, name) => documents?.map((document, i) => loadPolicy(document, { name: `${name} ${i}` }))
const levels = (found, name) =>
  (found ?? []).map((documents, i) => ({ orgIdentifier: `${name} ${i}`, policies: loaded(documents, `${name} ${i}`) }))
const one = (document, name) => (document ? loadPolicy(document, { name }) : undefined)

function judged(asked) {
  const target = { resource: asked.resource, accountId: asked.account }
  const wildcardOnly = asked.resource === '*'
  const context = new RequestContextImpl(asked.context)
  const answer = authorize({
    request: new AwsRequestImpl(asked.principal, target, asked.action, context, wildcardOnly),
    identityPolicies: loaded(asked.identity, 'identity'),
    permissionBoundaries: asked.boundary ? loaded([asked.boundary], 'boundary') : undefined,
    sessionPolicy: one(asked.session, 'session'),
    serviceControlPolicies: levels(asked.scps, 'scp'),
    resourceControlPolicies: levels(asked.rcps, 'rcp'),
    resourcePolicy: one(asked.resourcePolicy, 'resource'),
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: 'Strict',
      discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]),
    },
  })
  return { verdict: VERDICTS[answer.result] ?? 'error', detail: answer.blockedBy ?? [] }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const asked = JSON.parse(line)
  let answer
  try {
    answer = judged(asked)
  } catch (error) {
    answer = { verdict: 'error', detail: String(error.message) }
  }
  process.stdout.write(JSON.stringify({ id: asked.id, ...answer }) + '\n')
}

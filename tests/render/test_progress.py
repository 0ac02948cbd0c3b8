"""Progress lines, the bar, and how a run ended."""

import io

from rich.console import Console

from iamsync.events import Event, Outcome, RunEnded, RunStarted, StepEnded, StepStarted
from iamsync.model import Address, Call, Step
from iamsync.render.listing import import_text, owners_text, run_text, runs_text, validate_text
from iamsync.render.live import Live
from iamsync.render.progress import Lines, run_summary


def step(number: int, operation: str = "AttachRolePolicy", name: str = "deploy-site") -> Step:
    if operation == "wait":
        return Step(f"s{number}", None, Call("wait", {"seconds": 10}), "neutral")
    return Step(f"s{number}", Address("role", name), Call(operation, {}), "grant")


def ended(number: int, outcome: Outcome = "done", **rest: object) -> StepEnded:
    return StepEnded(step(number), outcome, **rest)  # type: ignore[arg-type]


EVENTS: tuple[Event, ...] = (
    RunStarted("111122223333", 10),
    StepStarted(step(1)),
    ended(1),
    ended(2, "already"),
    StepEnded(step(3, "wait"), "done"),
    ended(4, "done", attempts=3),
    ended(5, "failed", reason="no \x1b[2J way", request_id="r-1"),
    ended(6, "skipped", reason="it waits for s5"),
    RunEnded(3, 1, 1),
)


def test_a_line_for_each_step_that_ended() -> None:
    stream = io.StringIO()
    report = Lines(stream)
    for event in EVENTS:
        report(event)
    assert stream.getvalue() == (
        "[ 1/10] AttachRolePolicy role/deploy-site  done\n"
        "[ 2/10] AttachRolePolicy role/deploy-site  already so\n"
        "[ 3/10] wait 10 s  done\n"
        "[ 4/10] AttachRolePolicy role/deploy-site  done (attempt 3)\n"
        "[ 5/10] AttachRolePolicy role/deploy-site  failed: no \\x1b[2J way\n"
        "[ 6/10] AttachRolePolicy role/deploy-site  skipped: it waits for s5\n"
    )


def test_several_accounts_are_told_apart() -> None:
    stream = io.StringIO()
    Lines(stream, account="prod")(ended(1))
    assert stream.getvalue().startswith("prod  [1/")


def test_the_list_keeps_failures_and_takes_names_literally() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    with Live(console, "[red]x") as bar:
        for event in (RunStarted("1", 2), StepStarted(step(1, name="[bold]")), ended(2, "failed", reason="[/no]")):
            bar(event)
    text = stream.getvalue()
    assert "role/deploy-site  failed: [/no]" in text
    assert "[red]x" in text


def test_a_run_that_did_everything_says_so_in_a_line() -> None:
    assert run_summary("prod", [ended(1), ended(2, "already")], 2, again="x") == (
        "account prod: 2 of 2 calls done, 1 of them found done already"
    )


def test_a_run_that_failed_in_part_says_what_failed_what_is_left_and_how_to_go_on() -> None:
    told = [event for event in EVENTS if isinstance(event, StepEnded)]
    assert run_summary("prod", told, 9, again="iamsync apply plan.json") == (
        "account prod: 3 of 9 calls done, 1 of them found done already, 1 failed, 1 skipped, 4 not started\n"
        "  failed   AttachRolePolicy role/deploy-site: no \\x1b[2J way (request id r-1)\n"
        "  skipped  AttachRolePolicy role/deploy-site: it waits for s5\n"
        "to go on: iamsync apply plan.json   (what is done is not done twice)"
    )


def test_an_interrupted_run_says_so() -> None:
    assert "1 not started, interrupted" in run_summary("prod", [ended(1)], 2, again="x", interrupted=True)


def test_runs_are_a_table() -> None:
    row = {
        "run": "r1",
        "started": "2026-11-24T00:00:00Z",
        "account": "prod",
        "outcome": "done",
        "steps": 9,
        "caller": "me\x1b",
    }
    assert runs_text([row]) == (
        "RUN  STARTED               ACCOUNT  OUTCOME  STEPS  CALLER\n"
        "r1   2026-11-24T00:00:00Z  prod     done     9      me\\x1b"
    )
    assert runs_text([]) == "no runs are recorded here"


def test_one_run_shows_its_steps_and_only_columns_that_say_something() -> None:
    text = run_text(
        {"run": "r1", "caller": None},
        [{"step": "s1", "operation": "CreateUser", "address": "user/a", "outcome": "done"}],
    )
    assert text == "run:  r1\n\nSTEP  OPERATION   ADDRESS  OUTCOME\ns1    CreateUser  user/a   done"
    assert run_text({"run": "r1"}, []).endswith("no call was made")


def test_owners_are_listed_with_their_first_names() -> None:
    text = owners_text([("nobody", 7, [f"role/{n}" for n in range(7)]), ("CloudFormation", 1, ["role/x"])])
    assert text == (
        "OWNER           COUNT  RESOURCES\n"
        "nobody          7      role/0, role/1, role/2, role/3, role/4 and 2 more\n"
        "CloudFormation  1      role/x"
    )


def test_an_import_and_a_validation_are_summed_up() -> None:
    assert (
        import_text([("iam/roles.yaml", 2)], 3)
        == "wrote 2 resources to 1 file; 3 resources left to other owners\n  iam/roles.yaml  2 resources"
    )
    assert (
        validate_text({"user": 1, "policy": 2, "role": 0}, 4, 2)
        == "ok: 1 user and 2 policies in 4 files, for 2 accounts"
    )
    assert validate_text({}, 1, 1, warnings=1) == "ok: nothing declared in 1 file; 1 warning"

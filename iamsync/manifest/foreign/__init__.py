"""Other tools' files as states, and states as theirs: the ways in and out.

A reader answers with what it carried over and with what stays behind; it reads texts and writes nothing.
"""

"""Completes the names of proxies in an interactive shell, and tells what comes of it.

usage: complete.py SHELL FOLDER TOOL OPTION PREFIX <NAMES

For each name, a line each, there is a pool.json with that name alone; then "TOOL OPTION PREFIX", the
tabulator and Enter are typed into SHELL (bash, zsh or fish, with the completions of FOLDER), where
TOOL is a function that notes its arguments. They must be OPTION and the name. Prints what was not.
"""

import json
import os
import pty
import select
import shutil
import signal
import sys
import time

SHELL, FOLDER, TOOL, OPTION, PREFIX = sys.argv[1:]
NOTES = "notes"
SECONDS = 30
PROMPT = b"READY>"

# pool-status, which says the names, stays reachable.
SETUP = {
    "bash": r"""
PS1='READY> '; HISTFILE=
source "$FOLDER/$TOOL.bash"
eval "$TOOL() { if [ \"\${1-}\" = --names ]; then command pool-status \"\$@\"; else printf '%s\0' \"\$@\" END >>notes; fi; }"
echo ready >notes
""",
    "zsh": r"""
PS1='READY> '; HISTFILE=
fpath=($FOLDER $fpath)
autoload -Uz compinit; compinit -D -u
eval "$TOOL() { if [[ \"\${1-}\" == --names ]]; then command pool-status \"\$@\"; else printf '%s\0' \"\$@\" END >>notes; fi; }"
compdef _$TOOL $TOOL
echo ready >notes
""",
    "fish": r"""
function fish_prompt; printf 'READY> '; end
function fish_greeting; end
source $FOLDER/$TOOL.fish
function $TOOL
    if test "$argv[1]" = --names
        command pool-status $argv
    else
        printf '%s\0' $argv END >>notes
    end
end
echo ready >notes
""",
}


def start():
    """The shell in a terminal of its own."""
    with open("setup", "w", encoding="utf-8") as file:
        file.write(SETUP[SHELL])
    command = {
        "bash": ["bash", "--noprofile", "--rcfile", "setup", "-i"],
        "zsh": ["zsh", "-f", "-i"],
        "fish": ["fish", "--no-config", "-i", "-C", "source setup"],
    }[SHELL]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(FOLDER=FOLDER, TOOL=TOOL, TERM="xterm")
        os.execvp(command[0], command)
    if SHELL == "zsh":
        os.write(terminal, b"source ./setup\r")
    return pid, terminal


def notes():
    """What the function has noted, calls of lists of words."""
    if not os.path.exists(NOTES):
        return None
    with open(NOTES, "rb") as file:
        data = file.read()
    head, _, rest = data.partition(b"ready\n")
    calls, words = [], []
    for word in rest.split(b"\0")[:-1]:
        if word == b"END":
            calls.append(words)
            words = []
        else:
            words.append(word.decode())
    return calls if data.startswith(b"ready\n") or head else None


def wait_for(terminal, count):
    """Until so many calls were noted; without any, until the shell asks for the first."""
    end = time.monotonic() + SECONDS
    shown = b""
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.02)
        if ready:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                return False
        seen = notes()
        if seen is not None and len(seen) >= count and (count or PROMPT in shown):
            return True
    return False


def write_pool(name):
    """One proxy of that name, in a file that nobody else can write."""
    with open("pool.new", "w", encoding="utf-8") as file:
        json.dump({"proxies": [{"name": name, "url": "http://127.0.0.1:1"}]}, file)
    os.chmod("pool.new", 0o600)
    os.rename("pool.new", "pool.json")


def main():
    """Returns how many names went wrong."""
    wrong = 0
    names = sys.stdin.read().splitlines()
    if os.path.exists(NOTES):
        os.remove(NOTES)
    pid, terminal = start()
    if not wait_for(terminal, 0):
        print("the shell does not start")
        return 1
    for number, name in enumerate(names):
        write_pool(name)
        words = [TOOL] + ([OPTION] if OPTION else [])
        os.write(terminal, (" ".join(words) + " " + PREFIX + "\t\r").encode())
        if not wait_for(terminal, number + 1):
            print(f"nothing was run for {name!r}")
            wrong += 1
            break
        # a list may go on: fish and zsh leave its comma, which the tools take
        got = notes()[number]
        if got != words[1:] + [name]:
            print(f"{name!r}: got {got}")
            wrong += 1
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print(f"{len(names)} names, {wrong} wrong")
    return min(wrong, 1)


if not shutil.which(SHELL):
    sys.exit(f"{SHELL} is not installed")
sys.exit(main())

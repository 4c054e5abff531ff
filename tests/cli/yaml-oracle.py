"""What PyYAML reads is what the tool reads, or the tool refuses: never another value.

usage: yaml-oracle.py POOL-VALIDATE

Scalars in every spelling that YAML 1.1 knows, each as the value of a truth, a whole number, a
decimal number and a name; and documents with anchors and merge keys. Prints what differs; status
1 if anything does.
"""

import itertools
import json
import random
import subprocess
import sys

import yaml

random.seed(7)
WORDS = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "t", "f", "~", "", "<<", "=", "-", "nan"]
SPELLINGS = [w for word in WORDS for w in {word, word.upper(), word.capitalize(), word.swapcase()}]
NUMBERS = ["0", "1", "30", "030", "08", "007", "0x1e", "0X1E", "0x1g", "+0x1e", "0b11", "0o17", "1_0", "1_", "_1", "+30",
           "-30", "+", "1.", ".5", "1.5", "-1.5", "+.5", "-.5", "1.5e3", "1.5e+2", "1e3", "1e+3", "1.e+1", "1__0", "0_7", "00",
           "0.5", "00.5", "1:30", "1:3", "1:60", "190:20:30", "190:20:30.15", "-1:30", ".inf", "-.inf", "+.INF", ".nan",
           ".NaN", ".NAN", ".Inf", "2026-11-26", "2026-1-2", "2026-11-26T10:00:00Z", "2026-11-26 10:00:00", "12-11-26",
           "18446744073709551646", "1e400", "9.99", "10.0", "30.0", "30.5", "١", "½", "0.1", "1_0.5", "0x_1", "3_0"]
ODD = "0123456789+-.:_xbXTtZ=e"
RANDOM = ["".join(random.choice(ODD) for _ in range(random.randint(1, 6))) for _ in range(700)]
SCALARS = list(dict.fromkeys(SPELLINGS + NUMBERS + RANDOM))

LAX = {"1": True, "0": False, "true": True, "false": False, "t": True, "f": False, "yes": True, "no": False,
       "y": True, "n": False, "on": True, "off": False}


def as_bool(value):
    """pydantic's lax bool; None: refused."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    return LAX.get(value.lower()) if isinstance(value, str) else None


def as_number(value, whole):
    """pydantic's lax int or float; None: refused. A truth is no number here."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value) if not whole else int(value.strip().removesuffix(".0"))
        except ValueError:
            return None
    if isinstance(value, (int, float)) and value == value:
        return value if not whole or value == int(min(max(value, -1e18), 1e18)) else None
    return None


KINDS = {
    "enabled": ("enabled: {}\n", lambda printed: printed["enabled"], as_bool),
    "timeout": ("default: {{http: {{url: 'http://h:1', timeout_seconds: {}}}}}\n",
                lambda printed: printed["default"]["http"]["timeout_seconds"], lambda v: as_number(v, True)),
    "weight": ("default:\n  http:\n    pool:\n      - url: http://h:1\n        weight: {}\n",
               lambda printed: printed["default"]["http"]["pool"]["proxies"][0]["weight"],
               lambda v: as_number(v, False)),
    "name": ("default:\n  http:\n    pool:\n      - url: http://h:1\n        name: {}\n",
             lambda printed: printed["default"]["http"]["pool"]["proxies"][0]["name"],
             lambda v: v if isinstance(v, str) else None),
}


def judge(files):
    run = subprocess.run([sys.argv[1], "--format", "json", *files], stdout=subprocess.PIPE, check=False)
    return [file["valid"] for file in json.loads(run.stdout)["files"]]


def printed(files):
    """The normal forms of valid files."""
    run = subprocess.run([sys.argv[1], "-q", "--print", *files], stdout=subprocess.PIPE, check=True)
    text, decoder, documents = run.stdout.decode(), json.JSONDecoder(), []
    while text.strip():
        document, end = decoder.raw_decode(text.lstrip())
        documents.append(document)
        text = text.lstrip()[end:]
    return documents


def read(text):
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return yaml


def compare(kind, scalars):
    template, pick, expect = KINDS[kind]
    files, values = [], []
    for number, scalar in enumerate(scalars):
        text = template.format(scalar)
        document = read(text)
        if document is yaml:
            value = yaml
        else:
            value = document
            for step in {"enabled": ["enabled"], "timeout": ["default", "http", "timeout_seconds"],
                         "weight": ["default", "http", "pool", 0, "weight"],
                         "name": ["default", "http", "pool", 0, "name"]}[kind]:
                value = value.get(step) if isinstance(value, dict) else (
                    value[step] if isinstance(value, list) else None)
        name = f"{kind}.{number}.yaml"
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        files.append(name)
        values.append(value)
    valid = judge(files)
    documents = iter(printed([f for f, v in zip(files, valid) if v]))
    wrong = 0
    for scalar, value, accepted in zip(scalars, values, valid):
        if not accepted:
            continue
        got = pick(next(documents))
        wanted = None if value is yaml else expect(value)
        if wanted is None or got != wanted:
            wrong += 1
            print(f"{kind}: {scalar!r}: PyYAML {value!r}, so {wanted!r}; the tool {got!r}")
    # What must not be refused: the plain cases.
    for scalar, accepted in zip(scalars, valid):
        plain = {"enabled": ["yes", "No", "TRUE", "off", "1", "0", "t", "N"], "timeout": ["1", "30", "+30", "30.0", "0x1e", "1_0"],
                 "weight": ["1", "0.5", "9.99", "10.0", ".5"], "name": ["t", "08", "0o17", "1e3", "12-11-26"]}[kind]
        if scalar in plain and not accepted:
            wrong += 1
            print(f"{kind}: {scalar!r} is refused")
    return wrong, sum(valid)




def merged(lines):
    """Documents whose connection is made by merge keys in every order."""
    head = "x-a: &a {timeout_seconds: 1, url: 'http://a:1'}\nx-b: &b {timeout_seconds: 2, url: 'http://b:1'}\n"
    head += "x-c: &c {<<: *b, timeout_seconds: 3}\n"
    return head + "proxy:\n  enabled: true\n  default:\n    http:\n" + "".join(f"      {line}\n" for line in lines)


def compare_merges():
    wrong = count = 0
    parts = ["<<: *a", "<<: [*a, *b]", "<<: [*c, *a]", "<<: *c", "timeout_seconds: 9", "url: http://own:1"]
    for size in (1, 2, 3):
        for lines in itertools.permutations(parts, size):
            if sum(line.startswith("<<") for line in lines) != 1:
                continue
            text = merged(lines)
            with open("merge.yaml", "w", encoding="utf-8") as file:
                file.write(text)
            wanted = yaml.safe_load(text)["proxy"]["default"]["http"]
            got = printed(["merge.yaml"])[0]["default"]["http"]
            count += 1
            if any(got.get(key) != value for key, value in wanted.items()):
                wrong += 1
                print(f"{lines}: PyYAML {wanted}, the tool {got}")
    return wrong, count


def main():
    total = 0
    for kind in KINDS:
        wrong, valid = compare(kind, SCALARS)
        total += wrong
        assert valid > 5, kind
    wrong, count = compare_merges()
    assert count > 20
    print(f"{len(SCALARS)} scalars, {count} merges, {total + wrong} differ")
    return total + wrong > 0


sys.exit(main())

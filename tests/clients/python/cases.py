"""Judges the cases of a file and says which ones were judged otherwise than expected."""

import base64
import json
import sys


def judge_all(verifiers_of):
    """Judges each case by what `verifiers_of` gives for it: functions by name that raise
    unless the message is genuine. The exit code is 0 if there were some and all agreed."""
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    right = wrong = 0
    for case in cases:
        case["body"] = base64.b64decode(case["body"])
        for name, verify in verifiers_of(case).items():
            problem = None
            try:
                verify(case)
            except Exception as error:
                problem = error
            if case["accepted"] == (problem is None):
                right += 1
            else:
                wrong += 1
                print(f"{name}: {case['name']}: expected {case['accepted']}: {problem!r}", file=sys.stderr)
    print(f"{right} passed, {wrong} failed")
    return 0 if right and not wrong else 1

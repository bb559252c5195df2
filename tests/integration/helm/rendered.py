"""Run where Helm's library is: what it makes of a chart, as JSON on stdout.

python rendered.py CHART VALUES
"""

from __future__ import annotations

import json
import sys

import helm_python as helm

chart, values = sys.argv[1:]
found: dict[str, object] = {
    "version": helm.helm_sdk_version(),
    "lint": [said for said in helm.lint(chart)["messages"] if said["severity"] > 1],
}
try:
    with helm.Chart.load(chart) as loaded:
        found["texts"] = loaded.render(json.loads(values), name="release", namespace="models")
except helm.HelmError as error:
    found["error"] = str(error)
print(json.dumps(found))

"""As much of a Kubernetes API server as shipping asks: discovery, server-side apply with owners of
fields, resource versions, watches that are cut or forgotten, status, deletion."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "cluster-token"

KINDS = {
    ("", "v1"): {"Service": "services"},
    ("apps", "v1"): {"Deployment": "deployments"},
    ("autoscaling", "v2"): {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    ("policy", "v1"): {"PodDisruptionBudget": "poddisruptionbudgets"},
    ("networking.k8s.io", "v1"): {"NetworkPolicy": "networkpolicies"},
    ("gateway.networking.k8s.io", "v1"): {"HTTPRoute": "httproutes"},
    ("argoproj.io", "v1alpha1"): {"Rollout": "rollouts", "AnalysisTemplate": "analysistemplates"},
    ("serving.kserve.io", "v1beta1"): {"InferenceService": "inferenceservices"},
}
_PATH = re.compile(
    r"/(?:api/v1|apis/[^/]+/[^/]+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+))?(?P<status>/status)?"
)
_IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}
_REVISION = ("metadata", "resourceVersion")

Leaves = dict[tuple[str, ...], Any]


@dataclass
class ApiServer:
    """The state of the cluster, and what it does wrong on purpose.

    Args:
        absent: API groups that are not installed.
        denied: verb and plural that our account may not.
        react: called after a change, as controllers are.
        cut_after: a watch loses its connection after so many events; None: never.
        mute: watches say nothing, as when the network has gone without a word.
        lose: so many requests from now lose their connection without an answer.
    """

    absent: set[str] = field(default_factory=set)
    denied: set[tuple[str, str]] = field(default_factory=set)
    react: Callable[[str, str], None] | None = None
    cut_after: int | None = None
    mute: bool = False
    lose: int = 0
    objects: dict[tuple[str, str], Any] = field(default_factory=dict)
    owners: dict[tuple[str, str], dict[tuple[str, ...], str]] = field(default_factory=dict)
    changes: list[tuple[int, str, str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    forgotten: int = 0
    revision: int = 100
    url: str = ""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def get(self, plural: str, name: str) -> Any:
        """An object, or None."""
        return self.objects.get((plural, name))

    def names(self, plural: str) -> set[str]:
        """Those there are of a kind."""
        return {name for kind, name in self.objects if kind == plural}

    def status(self, plural: str, name: str, **status: Any) -> None:
        """Have a controller write the status of an object."""
        with self.changed:
            found = copy.deepcopy(self.objects[plural, name])
            found["status"] = {**found.get("status", {}), **status}
            self._store(plural, name, found)

    def forget(self) -> None:
        """Have the server not know old revisions any more."""
        with self.changed:
            self.revision += 10
            self.forgotten = self.revision

    def own(self, plural: str, name: str, where: tuple[str, ...], value: Any, manager: str) -> None:
        """Have somebody else set a field."""
        with self.changed:
            found = copy.deepcopy(self.objects[plural, name])
            _set(found, where, value)
            self.owners[plural, name][where] = manager
            self._store(plural, name, found)

    def apply(self, plural: str, name: str, body: Any, query: dict[str, str]) -> tuple[int, Any]:
        """Server-side apply."""
        manager, force = query["fieldManager"], query.get("force", "").lower() == "true"
        with self.changed:
            found = copy.deepcopy(self.objects.get((plural, name)))
            leaves = _leaves(body)
            said = leaves.pop(_REVISION, None)
            if said is not None and (found is None or _revision(found) != said):
                return 409, _status(409, "Conflict", "the object has been modified")
            owners = self.owners.setdefault((plural, name), {})
            there = {} if found is None else _leaves(found)
            taken = [
                where
                for where, value in leaves.items()
                if owners.get(where, manager) != manager and there.get(where) != value
            ]
            if taken and not force:
                return 409, _status(409, "Conflict", _conflict(owners[taken[0]]), taken)
            before = copy.deepcopy(found)
            document = found or copy.deepcopy({k: body[k] for k in ("apiVersion", "kind")})
            for where in [w for w, who in owners.items() if who == manager and w not in leaves]:
                _drop(document, where)
                del owners[where]
            for where, value in leaves.items():
                _set(document, where, value)
                if where not in _IDENTITY:
                    owners[where] = manager
            if before is None or before.get("spec") != document.get("spec"):
                document["metadata"]["generation"] = document["metadata"].get("generation", 0) + 1
            self._store(plural, name, document)
        if self.react:
            self.react(plural, name)
        return (201 if before is None else 200), self.objects[plural, name]

    def merge_status(self, plural: str, name: str, body: Any) -> tuple[int, Any]:
        """A merge patch of the status."""
        if self.get(plural, name) is None:
            return 404, _status(404, "NotFound", f'{plural} "{name}" not found')
        self.status(plural, name, **body["status"])
        if self.react:
            self.react(plural, name)
        return 200, self.get(plural, name)

    def delete(self, plural: str, name: str) -> tuple[int, Any]:
        """Delete an object."""
        with self.changed:
            found = self.objects.pop((plural, name), None)
            if found is None:
                return 404, _status(404, "NotFound", f'{plural} "{name}" not found')
            self.revision += 1
            self.changes.append((self.revision, plural, "DELETED", found))
            self.changed.notify_all()
            return 200, _status(200, "Success", "deleted")

    def events(self, plural: str, name: str, after: int, timeout_s: float) -> Iterator[Any]:
        """What a watch is told, until its time is over."""
        if after < self.forgotten:
            yield {"type": "ERROR", "object": _status(410, "Expired", "too old resource version")}
            return
        given = after
        while True:
            with self.changed:
                self.changed.wait_for(
                    lambda seen=given: self.revision > seen, timeout=min(timeout_s, 0.2)
                )
                news = [c for c in self.changes if c[0] > given and c[1] == plural]
                quiet, given = self.revision <= given, self.revision
            for _, _, kind, found in news:
                if found["metadata"]["name"] == name:
                    yield {"type": kind, "object": found}
            timeout_s -= 0.2 if quiet else 0
            if timeout_s <= 0:
                return

    def _store(self, plural: str, name: str, document: Any) -> None:
        self.revision += 1
        document["metadata"]["resourceVersion"] = str(self.revision)
        kind = "MODIFIED" if (plural, name) in self.objects else "ADDED"
        self.objects[plural, name] = document
        self.changes.append((self.revision, plural, kind, document))
        self.changed.notify_all()


def _conflict(owner: str) -> str:
    return f'Apply failed with 1 conflict: conflict with "{owner}"'


def _status(code: int, reason: str, message: str, causes: Any = ()) -> Any:
    details = {
        "causes": [
            {"reason": "FieldManagerConflict", "field": "." + ".".join(where)} for where in causes
        ]
    }
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return {**said, "code": code, "reason": reason, "message": message, "details": details}


def _revision(document: Any) -> Any:
    return document["metadata"]["resourceVersion"]


def _leaves(document: Any, at: tuple[str, ...] = ()) -> Leaves:
    if isinstance(document, dict) and document:
        return {
            where: value
            for key, inner in document.items()
            for where, value in _leaves(inner, (*at, key)).items()
        }
    return {at: document}


def _set(document: Any, where: tuple[str, ...], value: Any) -> None:
    for key in where[:-1]:
        document = document.setdefault(key, {})
    document[where[-1]] = copy.deepcopy(value)


def _drop(document: Any, where: tuple[str, ...]) -> None:
    for key in where[:-1]:
        document = document.get(key, {})
    document.pop(where[-1], None)


def _group_list(server: ApiServer) -> Any:
    groups = []
    for group, version in KINDS:
        if group and group not in server.absent:
            said = {"groupVersion": f"{group}/{version}", "version": version}
            groups.append({"name": group, "versions": [said], "preferredVersion": said})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _resource_list(group: str, version: str) -> Any:
    verbs = ["delete", "get", "list", "patch", "watch"]
    resources = [
        {"name": plural, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs}
        for kind, plural in KINDS[group, version].items()
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def _discovered(server: ApiServer, path: str) -> Any:
    if path == "/version":
        return {"major": "1", "minor": "31", "gitVersion": "v1.31.0"}
    if path == "/apis":
        return _group_list(server)
    if path == "/api/v1":
        return _resource_list("", "v1")
    found = re.fullmatch(r"/apis/([^/]+)/([^/]+)", path)
    if found and (found[1], found[2]) in KINDS and found[1] not in server.absent:
        return _resource_list(found[1], found[2])
    return None


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one class
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._take("get")

        def do_PATCH(self) -> None:
            self._take("patch")

        def do_DELETE(self) -> None:
            self._take("delete")

        def _take(self, verb: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            server.asked.append((verb, parts.path))
            server.queries.append(query)
            if server.lose:
                server.lose -= 1
                self.close_connection = True
                self.connection.close()
                return
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._send(401, _status(401, "Unauthorized", "Unauthorized"))
                return
            if verb == "get" and (found := _discovered(server, parts.path)) is not None:
                self._send(200, found)
                return
            self._object(verb, parts.path, query, body)

        def _object(self, verb: str, path: str, query: dict[str, str], body: bytes) -> None:
            asked = _PATH.fullmatch(path)
            if asked is None or asked["namespace"] != "models":
                self._send(404, _status(404, "NotFound", "namespaces not found"))
                return
            plural, name = asked["plural"], asked["name"]
            if (verb, plural) in server.denied:
                self._send(403, _status(403, "Forbidden", f"User cannot {verb} {plural}"))
            elif query.get("watch", "").lower() == "true":
                only = query["fieldSelector"].removeprefix("metadata.name=")
                self._watch(plural, only, int(query["resourceVersion"]), query)
            elif verb == "get":
                found = server.get(plural, name)
                missing = _status(404, "NotFound", f'{plural} "{name}" not found')
                self._send(200 if found else 404, found or missing)
            elif verb == "delete":
                self._send(*server.delete(plural, name))
            elif asked["status"]:
                assert self.headers["Content-Type"] == "application/merge-patch+json"
                self._send(*server.merge_status(plural, name, json.loads(body)))
            else:
                assert self.headers["Content-Type"] == "application/apply-patch+yaml"
                document = json.loads(body)
                if document.get("spec") is None:
                    self._send(422, _status(422, "Invalid", "spec: Required value"))
                    return
                self._send(*server.apply(plural, name, document, query))

        def _watch(self, plural: str, name: str, after: int, query: dict[str, str]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while server.mute:
                time.sleep(0.02)
            events = server.events(plural, name, after, float(query["timeoutSeconds"]))
            for told, event in enumerate(events, start=1):
                line = json.dumps(event).encode() + b"\n"
                try:
                    self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                except OSError:  # nobody listens any more
                    return
                if server.cut_after is not None and told >= server.cut_after:
                    self.close_connection = True
                    self.connection.close()
                    return
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that end early are what tests are about."""


@contextmanager
def running(server: ApiServer) -> Iterator[ApiServer]:
    """The server on a free port of loopback."""
    listening = _Quiet(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def ready(server: ApiServer) -> Callable[[str, str], None]:
    """Controllers that bring everything up at once."""

    def react(plural: str, name: str) -> None:
        found = server.get(plural, name)
        seen = found["metadata"]["generation"]
        if plural == "deployments":
            n = found["spec"].get("replicas", 1)
            counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), n)
            if found.get("status", {}).get("observedGeneration") != seen:
                server.status(plural, name, observedGeneration=seen, **counts)
        elif plural == "inferenceservices":
            conditions = [{"type": "Ready", "status": "True"}]
            server.status(plural, name, observedGeneration=seen, conditions=conditions)
        elif plural == "rollouts":
            whole = found.get("status", {}).get("promoteFull") or seen == 1
            phase = "Healthy" if whole else "Paused"
            said = {"phase": phase, "message": "" if whole else "InconclusiveAnalysisRun"}
            known = found.get("status", {})
            if (known.get("phase"), known.get("observedGeneration")) != (phase, str(seen)):
                server.status(plural, name, observedGeneration=str(seen), **said)

    return react

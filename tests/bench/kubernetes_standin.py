# SPDX-License-Identifier: Apache-2.0
"""As much of a Kubernetes API as k9s asks for before it shows a list of pods, so that it can be measured without a
cluster: kubernetes_standin.py PODS KUBECONFIG. Listens on a port of the loopback address, writes the configuration
that leads there, and serves until it or who started it is ended. Nothing changes in it: all watches are quiet, as the fleet at rest is.
"""
import http.server, json, os, sys, threading, time

pods_wanted, kubeconfig = int(sys.argv[1]), sys.argv[2]
STAMP = "2026-01-01T00:00:00Z"


def metadata(name, namespace=None):
    return {"name": name, "uid": "uid-" + name, "resourceVersion": "1", "creationTimestamp": STAMP,
            **({"namespace": namespace} if namespace else {})}


def pod(number):
    name = "many-%04d" % number
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata(name, "default"), "labels": {"app": "many"}},
            "spec": {"nodeName": "node", "containers": [{"name": "main", "image": "micro", "resources": {
                "requests": {"cpu": "1", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}}]},
            "status": {"phase": "Running", "podIP": "10.0.%d.%d" % divmod(number, 256), "qosClass": "Guaranteed", "startTime": STAMP,
                       "conditions": [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "Ready")],
                       "containerStatuses": [{"name": "main", "image": "micro", "imageID": "", "ready": True, "restartCount": 0,
                                              "state": {"running": {"startedAt": STAMP}}}]}}


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata("default"), "spec": {}, "status": {"phase": "Active"}}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": metadata("node"), "spec": {}, "status": {
    "capacity": {"cpu": "2", "memory": "8Gi", "pods": "1000"}, "allocatable": {"cpu": "2", "memory": "8Gi", "pods": "1000"},
    "conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.33.0"}}}
# What there is, by its name: kind, whether it lies in a namespace, the objects.
RESOURCES = {
    "pods": ("Pod", True, [pod(n) for n in range(pods_wanted)]),
    "namespaces": ("Namespace", False, [NAMESPACE]),
    "nodes": ("Node", False, [NODE]),
}


def resource_list(group_version, names):
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": [
        {"name": name, "singularName": kind.lower(), "namespaced": namespaced, "kind": kind, "shortNames": [kind[:2].lower()],
         "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"]} for name, kind, namespaced in names]}


def answer(path):
    if path == "/version":
        return {"major": "1", "minor": "33", "gitVersion": "v1.33.0", "platform": "linux/amd64"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        version = {"groupVersion": "authorization.k8s.io/v1", "version": "v1"}
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
            {"name": "authorization.k8s.io", "versions": [version], "preferredVersion": version}]}
    if path == "/api/v1":
        return resource_list("v1", [(name, kind, namespaced) for name, (kind, namespaced, _) in RESOURCES.items()])
    if path == "/apis/authorization.k8s.io/v1":
        return resource_list("authorization.k8s.io/v1", [("selfsubjectaccessreviews", "SelfSubjectAccessReview", False)])
    if path == "/apis/apiextensions.k8s.io/v1/customresourcedefinitions":
        return {"kind": "CustomResourceDefinitionList", "apiVersion": "apiextensions.k8s.io/v1", "metadata": {"resourceVersion": "1"},
                "items": []}
    parts = path.removeprefix("/api/v1/").split("/")
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    if not path.startswith("/api/v1/") or parts[0] not in RESOURCES:
        return None
    kind, _, objects = RESOURCES[parts[0]]
    if len(parts) == 2:
        return next((each for each in objects if each["metadata"]["name"] == parts[1]), None)
    return {"kind": kind + "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": objects}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if "watch=true" in query or "watch=1" in query:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            threading.Event().wait()  # a quiet watch; the thread ends with the program
        found = answer(path)
        self.send(200 if found else 404, found or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                                                   "reason": "NotFound", "message": path + " is not there"})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))  # asks whether something is allowed
        self.send(201, {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
                        "spec": {}, "status": {"allowed": True}})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(kubeconfig, "w") as out:  # JSON is YAML, too
    json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "bench",
               "clusters": [{"name": "bench", "cluster": {"server": "http://127.0.0.1:%d" % server.server_port}}],
               "users": [{"name": "bench", "user": {}}],
               "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench", "namespace": "default"}}]}, out)
threading.Thread(target=server.serve_forever, daemon=True).start()
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(1)

"""Certificates and kubeconfigs, all from one certificate authority made for this cluster."""

import base64
import json

from elbow_cluster.layout import API_SERVER, API_SERVICE, HOST_ADDRESSES, NODES, Layout
from elbow_cluster.process import run

USERS = {
    "admin": "/O=system:masters/CN=admin",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kube-proxy": "/CN=system:kube-proxy",
    **{f"node-{node.name}": f"/O=system:nodes/CN=system:node:{node.name}" for node in NODES},
}


# openssl's own settings, which differ between machines, don't count
SETTINGS = "[req]\ndistinguished_name = none\n[none]\n"


def make_all(layout: Layout) -> None:
    """The authority, the API server's certificate, the key that signs service account tokens, everyone's kubeconfig."""
    layout.keys.mkdir(mode=0o700)
    (layout.keys / "openssl.cnf").write_text(SETTINGS)
    _certificate(layout, "ca", "/CN=elbow-cluster", "basicConstraints=critical,CA:TRUE", signed=False)
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    addresses = (*HOST_ADDRESSES, API_SERVICE, "127.0.0.1")
    alternatives = ",".join([*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)])
    _certificate(layout, "apiserver", "/CN=kube-apiserver", f"subjectAltName={alternatives}")
    _certificate(layout, "service-accounts", "/CN=service-accounts", "keyUsage=digitalSignature")
    for user, subject in USERS.items():
        _certificate(layout, user, subject, "extendedKeyUsage=clientAuth")
        layout.kubeconfig(user).write_text(_kubeconfig(layout, user))
        layout.kubeconfig(user).chmod(0o600)


def _certificate(layout: Layout, name: str, subject: str, extension: str, *, signed: bool = True) -> None:
    """NAME.crt and NAME.key, signed by the authority or by itself."""
    file = layout.keys / name
    authority = ("-CA", layout.keys / "ca.crt", "-CAkey", layout.keys / "ca.key") if signed else ()
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", f"{file}.key")
    request = ("openssl", "req", "-x509", "-config", layout.keys / "openssl.cnf", "-days", "365")
    run(*request, *authority, *key, "-subj", subject, "-addext", extension, "-out", f"{file}.crt")


def _kubeconfig(layout: Layout, user: str) -> str:
    def data(file: str) -> str:
        return base64.b64encode((layout.keys / file).read_bytes()).decode()

    cluster = {"server": API_SERVER, "certificate-authority-data": data("ca.crt")}
    credentials = {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": layout.name, "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": layout.name, "context": {"cluster": layout.name, "user": user}}],
            "current-context": layout.name,
        }
    )

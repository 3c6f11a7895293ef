"""The page that says what each field is, made from the definition."""

from collections.abc import Iterator

from elbow_crd.schema import Schema, default_told

_HEAD = """# The LoadBalancer resource

`elbow.dev/v1alpha1`, kind `LoadBalancer`. Durations are written like `500ms`, `30s`, `5m`, `1h30m`; unknown fields are refused.
On one machine certificates are files (`tls.certificates: [{file: web.pem, key: web.key}]`, relative to the manifest), targets are
`addresses`, and their certificates can be checked (a target group's `tls: {verify: true, ca: authorities.pem}`). `elbow check FILE` names every fault; `kubectl explain lb.spec` shows the same text.

Written by `scripts/crds` from the models in `crds/elbow_api`.
"""


def page(spec: Schema) -> str:
    """Markdown: a table for each part of the spec."""
    lines = [_HEAD]
    for title, part in _parts("spec", spec):
        lines += [f"## {title}", "", "| field | type, default | what |", "|---|---|---|"]
        required = part.get("required", [])
        lines += [_row(name, field, name in required) for name, field in part["properties"].items()]
        lines.append("")
    return "\n".join(lines)


def _parts(title: str, part: Schema) -> Iterator[tuple[str, Schema]]:
    yield title, part
    for name, field in part["properties"].items():
        inner = field.get("items", field)
        if "properties" in inner:
            yield from _parts(f"{title}.{name}{'[]' if 'items' in field else ''}", inner)


def _row(name: str, field: Schema, required: bool) -> str:
    kind = _type(field)
    if required:
        kind += ", required"
    elif field.get("default") not in (None, {}, ""):
        kind += f", default `{field['default']}`".replace("`True`", "`true`").replace("`False`", "`false`")
    rules = dict.fromkeys(rule["message"] for rule in field.get("x-kubernetes-validations", []))
    text = " ".join(
        [
            field.get("description", "").removesuffix(default_told(field.get("default"))),
            *(f"({rule})" for rule in rules if "properties" not in field and not rule.startswith("outside")),
        ]
    ).strip()
    return f"| `{name}` | {kind} | {text.replace('|', ' or ')} |"


def _type(field: Schema) -> str:
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"]) if len(field["enum"]) < 6 else "one of ELB's names"
    if field.get("x-kubernetes-int-or-string"):
        return "number or string"
    if field.get("type") == "array":
        return f"list, at most {field.get('maxItems', 'any')}"
    if field.get("type") == "integer" and "maximum" in field:
        return f"{field.get('minimum', 0)} to {field['maximum']}"
    return str(field.get("type", "any"))

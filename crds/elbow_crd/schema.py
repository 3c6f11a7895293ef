"""From pydantic's JSON schema to the structural schema the API server wants."""

from typing import Any

Schema = dict[str, Any]

_KEPT = (
    "type",
    "description",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "format",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
)
_LONGEST = 1024
_MOST_ENTRIES = 64


def structural(schema: Schema) -> Schema:
    """A model's schema with its parts in place, bounded everywhere, so that rules over it have a bounded cost."""
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: Schema, parts: Schema) -> Schema:
    node = _resolved(node, parts)
    out = {key: node[key] for key in _KEPT if key in node}
    if "description" in out:
        out["description"] = " ".join(str(out["description"]).split())
    if "const" in node:
        out |= {"type": "string", "enum": [node["const"]]}
    if node.get("x-kubernetes-int-or-string"):
        out = {key: value for key, value in out.items() if key not in ("type", "maximum", "minimum")}
    elif "properties" in node:
        out |= _object(node, parts)
    elif out.get("type") == "object":
        out |= _map(node, parts)
    elif out.get("type") == "array":
        out["items"] = _convert(node["items"], parts)
    elif out.get("type") == "string" and "enum" not in out and "maxLength" not in out:
        out["maxLength"] = _LONGEST
    elif not out.get("type"):
        out["x-kubernetes-preserve-unknown-fields"] = True
    if node.get("default") is not None:
        out |= _default(out, {} if "properties" in node else node["default"])
    return out


def _default(out: Schema, default: Any) -> Schema:
    if default in ({}, "") or "description" not in out:
        return {"default": default}
    return {"default": default, "description": out["description"] + default_told(default)}


def default_told(default: Any) -> str:
    """What `kubectl explain`, which shows no defaults, is to say of one."""
    return f" By default {default}.".replace("True", "true").replace("False", "false")


def _resolved(node: Schema, parts: Schema) -> Schema:
    """A node without references and without the null that stands for an absent field."""
    while True:
        if "$ref" in node:
            node = {**parts[node["$ref"].rpartition("/")[2]], **{k: v for k, v in node.items() if k != "$ref"}}
        elif "allOf" in node:
            node = {**node["allOf"][0], **{k: v for k, v in node.items() if k != "allOf"}}
        elif "anyOf" in node and not node.get("x-kubernetes-int-or-string"):
            options = [option for option in node["anyOf"] if option.get("type") != "null"]
            rest = {k: v for k, v in node.items() if k != "anyOf"}
            if len(options) > 1:
                return {**rest, "x-kubernetes-int-or-string": True}
            node = {**options[0], **rest}
        else:
            return node


def _object(node: Schema, parts: Schema) -> Schema:
    out: Schema = {
        "type": "object",
        "properties": {name: _convert(value, parts) for name, value in node["properties"].items()},
    }
    if required := node.get("required"):
        out["required"] = required
    return out


def _map(node: Schema, parts: Schema) -> Schema:
    values = node.get("additionalProperties")
    if not isinstance(values, dict) or not values:
        return {"x-kubernetes-preserve-unknown-fields": True}
    return {"additionalProperties": _convert(values, parts), "maxProperties": node.get("maxProperties", _MOST_ENTRIES)}

"""What load balancers cost: a file its user writes."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import click
import yaml
from elbow_api.base import Model
from pydantic import Field, ValidationError

Price = Annotated[Decimal, Field(ge=0, max_digits=20, decimal_places=12)]


class UnitPrices(Model):
    """The price of a capacity unit for an hour, by the kind of listener."""

    http: Price = Decimal(0)
    tcp: Price = Decimal(0)
    tls: Price = Decimal(0)


class Prices(Model):
    """ELB's dimensions (ELB section 13): an hour, and capacity units, or bytes as a Classic Load Balancer's."""

    currency: str = Field(min_length=1, max_length=12)
    """For people; nothing is converted."""
    load_balancer_hour: Price
    capacity_unit_hour: UnitPrices = UnitPrices()
    gigabyte: Price = Decimal(0)
    """10^9 bytes, both directions."""


def prices(file: Path) -> Prices:
    """The prices of a file; raises ClickException with every fault and its field."""
    try:
        document: Any = yaml.load(file.read_text(), _Loader)  # noqa: S506  (scalars stay text, nothing is constructed)
    except (OSError, UnicodeError, yaml.YAMLError, ValueError) as error:
        raise click.ClickException(f"{file}: can't be read: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise click.ClickException(f"{file}: holds no prices; examples/prices.yaml shows how they are written")
    try:
        return Prices.model_validate(document)
    except ValidationError as error:
        faults = [f"{file}: {'.'.join(map(str, fault['loc']))}: {_said(fault)}" for fault in error.errors()]
        raise click.ClickException("\n".join(faults)) from None


def _said(fault: Any) -> str:
    match fault["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "there is no such price"
        case "decimal_parsing" | "finite_number":
            return f"{fault['input']!r} is no amount; write a number, like 0.0225"
        case "greater_than_equal":
            return f"{fault['input']} is below zero"
    return str(fault["msg"])


class _Loader(yaml.BaseLoader):
    """Every scalar stays text: a price is what was written, to its last digit. A field written twice is a fault."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names = [key.value for key, _ in node.value]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"{twice[0]} is written twice")
        return super().construct_mapping(node, deep=deep)

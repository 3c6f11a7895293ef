"""Entries of access logs, taken apart by what others wrote: aws-log-parser, and the expressions AWS gives for its Athena."""

import json
import re
from typing import Any

from aws_log_parser import AwsLogParser, LogType
from aws_log_parser.models import ClassicLoadBalancerLogEntry, LoadBalancerLogEntry

# docs.aws.amazon.com/athena/latest/ug/application-load-balancer-logs.html and elasticloadbalancer-classic-logs.html, input.regex
_ALB = re.compile(
    r"([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) (-|[-0-9]*) "
    r'([-0-9]*) ([-0-9]*) "([^ ]*) (.*) (- |[^ ]*)" "([^"]*)" ([A-Z0-9-_]+) ([A-Za-z0-9.-]*) ([^ ]*) "([^"]*)" "([^"]*)" '
    r'"([^"]*)" ([-.0-9]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^ ]*)" "([^\s]+?)" "([^\s]+)" "([^ ]*)" "([^ ]*)" ?([^ ]*)?( .*)?'
)
_ALB_NAMES = [
    "type",
    "time",
    "elb",
    "client_ip",
    "client_port",
    "target_ip",
    "target_port",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request_verb",
    "request_url",
    "request_proto",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
    "target_group_arn",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "lambda_error_reason",
    "target_port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
    "more",
]
_CLASSIC = re.compile(
    r"([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:\-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) (-|[-0-9]*) "
    r'([-0-9]*) ([-0-9]*) "([^ ]*) ([^ ]*) (- |[^ ]*)" ("[^"]*") ([A-Z0-9-_]+) ([A-Za-z0-9.-]*)'
)
_CLASSIC_NAMES = [
    "time",
    "elb",
    "client_ip",
    "client_port",
    "target_ip",
    "target_port",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request_verb",
    "request_url",
    "request_proto",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
]

Entry = dict[str, Any]


def alb(line: str) -> Entry:
    """ALB's fields by name."""
    matched = _ALB.fullmatch(line)
    assert matched, line
    return dict(zip(_ALB_NAMES, matched.groups(), strict=True))


def classic(line: str) -> Entry:
    """Classic's fields by name."""
    matched = _CLASSIC.fullmatch(line)
    assert matched, line
    return dict(zip(_CLASSIC_NAMES, matched.groups(), strict=True))


def named(line: str) -> Entry:
    """The JSON form's fields, under the names of the other two where they differ."""
    entry: Entry = json.loads(line)
    entry["client_ip"], _, entry["client_port"] = entry["client"].rpartition(":")
    entry["target_ip"], _, entry["target_port"] = (entry["target"] or "").rpartition(":")
    verb, url, version = entry["request"].split(" ", 2)
    return entry | {"request_verb": verb, "request_url": url, "request_proto": version}


def alb_entry(line: str) -> LoadBalancerLogEntry:
    """As aws-log-parser reads it."""
    (entry,) = AwsLogParser(log_type=LogType.LoadBalancer).parse([line])
    return entry


def classic_entry(line: str) -> ClassicLoadBalancerLogEntry:
    """As aws-log-parser reads it."""
    (entry,) = AwsLogParser(log_type=LogType.ClassicLoadBalancer).parse([line])
    return entry

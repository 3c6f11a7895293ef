"""The HAProxy that is tested with: where versions differ, a test says what each does."""

from elbow_dataplane.cli.place import find_haproxy, version_of

IS_34 = version_of(find_haproxy()) >= (3, 4)

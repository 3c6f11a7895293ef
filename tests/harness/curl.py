"""curl, the client everybody has."""

import shutil
import subprocess


def curl(*arguments: str, limit: float = 30.0) -> str:
    """Run curl quietly and return what it prints; CalledProcessError with its reason if it fails."""
    program = shutil.which("curl")
    assert program is not None, "curl is not installed; scripts/test installs it"
    command = [program, "-sS", "--noproxy", "*", "-m", str(limit), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout

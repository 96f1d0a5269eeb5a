"""What has to be installed: floors that are stated and tested, and errors that tell of the extra that is missing."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import rejoinder

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
TOOLS = {"bench", "dev", "docs", "fuzz"}  # of who works on the package, which take what is newest
FASTER = {"gzip"}  # without which nothing is missing
TESTED_WITH = {"trio"}  # of those the one that the package names to its users
FLOORS = [line for line in (ROOT / "tests/floor.txt").read_text("utf-8").splitlines() if not line.startswith("#")]

OPTIONAL = [
    "backports", "brotli", "brotlicffi", "compression.zstd", "fastapi", "httpx", "obstore", "orjson", "pydantic", "redis",
    "trio", "ujson", "uvicorn", "zlib_ng",
]  # fmt: skip

# Without any library that is optional: what is asked for, the extra, and what the ImportError says.
MISSING = [
    ("rejoinder.ORJSONResponse([])", "orjson", "ORJSONResponse needs orjson"),
    ("rejoinder.UJSONResponse([])", "ujson", "UJSONResponse needs ujson"),
    ("rejoinder.Response('', compress='br')", "br", "the coding br needs a package"),
    ("rejoinder.Response('', compress=['gzip', 'zstd'])", "zstd", "the coding zstd needs a package"),
    ("rejoinder.StreamingResponse([], compress='br')", "br", "the coding br needs a package"),
    ("rejoinder.FileResponse('', compress='br')", "br", "the coding br needs a package"),
    ("rejoinder.middleware.Compression(levels={'br': 5})", "br", "the coding br needs a package"),
    ("rejoinder.middleware.CompressionMiddleware(None, 'br')", "br", "the coding br needs a package"),
    ("rejoinder.ProxyResponse(None, client=None)", "httpx", "ProxyResponse needs httpx"),
    ("rejoinder.ProxyResponse.forward(None, '', None)", "httpx", "ProxyResponse needs httpx"),
    ("rejoinder.ObjectStoreFile(None, '')", "obstore", "object stores need obstore"),
    ("rejoinder.ObjectStoreDirectory(None)", "obstore", "object stores need obstore"),
    ("rejoinder.sse.RedisBackend('')", "redis", "RedisBackend needs redis"),
    ("rejoinder.cli.main(['serve'])", "serve", "rejoinder serve needs uvicorn"),
]


def requirements(*extras: str) -> dict[str, Requirement]:
    """By name, what these extras ask for; not those of the package itself."""
    asked = [Requirement(text) for extra in extras for text in EXTRAS[extra]]
    return {requirement.name: requirement for requirement in asked if requirement.name != "rejoinder"}


def users() -> dict[str, Requirement]:
    """By name, what users of the package may have."""
    needed = {requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])}
    optional = requirements(*(extra for extra in EXTRAS if extra not in TOOLS))
    return needed | optional | {name: requirements("dev")[name] for name in TESTED_WITH}


def floor(requirement: Requirement) -> Version:
    (version,) = (clause.version for clause in requirement.specifier if clause.operator == ">=")
    return Version(version)


def test_each_floor_is_stated_and_is_one_that_the_suite_runs_on() -> None:
    run_on = {name: Version(version) for name, version in (line.split("==") for line in FLOORS)}
    assert {name: floor(requirement) for name, requirement in users().items()} == run_on


def test_what_is_asked_for_twice_is_asked_for_with_the_same_versions() -> None:
    for extra in EXTRAS:
        for name, requirement in requirements(extra).items():
            if name in users():
                assert requirement.specifier == users()[name].specifier, (extra, name)


@pytest.fixture(scope="session")
def said() -> dict[str, str]:
    """What each row of `MISSING` raises where nothing optional is installed; everything can be imported there."""
    code = f"""if True:
        import sys
        sys.modules.update(dict.fromkeys({OPTIONAL}))
        import json
        import rejoinder, rejoinder.cli, rejoinder.middleware, rejoinder.problems, rejoinder.responses, rejoinder.shutdown
        import rejoinder.sse, rejoinder.staticfiles, rejoinder.testing
        said = {{}}
        for expression in {[row[0] for row in MISSING]}:
            try:
                eval(expression)
            except (ImportError, SystemExit) as error:
                said[expression] = str(error)
        print(json.dumps(said))
    """
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, stdout=subprocess.PIPE)
    found: dict[str, str] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize(("expression", "extra", "reason"), MISSING, ids=[row[0] for row in MISSING])
def test_what_is_missing_is_told_with_what_to_install(
    expression: str, extra: str, reason: str, said: dict[str, str]
) -> None:
    assert said[expression] == f'{reason}: pip install "rejoinder[{extra}]"'


def test_each_extra_is_told_of_where_it_is_missing() -> None:
    assert {row[1] for row in MISSING} == {extra for extra in EXTRAS if requirements(extra)} - TOOLS - FASTER - {"demo"}


def test_what_the_package_tells_to_install_is_what_it_was_tested_with() -> None:
    source = "".join(path.read_text("utf-8") for path in Path(rejoinder.__file__).parent.rglob("*.py"))
    told = {Requirement(text) for text in re.findall(r'pip install "(\w[^"{]*)"', source)}
    for requirement in told:
        if requirement.name == "rejoinder":
            assert requirement.extras <= EXTRAS.keys()
        else:
            assert floor(requirement) == floor(users()[requirement.name])
    assert len(told) > len(TESTED_WITH)

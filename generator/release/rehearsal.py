"""The end of a dry run: what a release would do from here, and what would stop it, without changing anything."""

from collections.abc import Callable, Iterator
from pathlib import Path

from generator.errors import GeneratorError
from generator.package.upstream import digest
from generator.release.history import WRITTEN, require_committed, require_untagged
from generator.release.index import missing
from generator.release.plan import PROJECT, Plan, Tell
from generator.release.trial import example


def rehearse(plan: Plan, version: str, tree: Path, files: list[Path], tell: Tell) -> None:
    """Tell the steps that are left.

    Raises:
        GeneratorError: Some of them would stop the release; all of them are listed before.
    """
    stops: list[str] = []
    for line in (
        *_publication(plan, files, stops),
        *_trial(plan, version, tree, stops),
        *_record(plan, version, stops),
    ):
        tell(f"dry run: {line}")
    if stops:
        raise GeneratorError("A release would stop here:\n" + "\n".join(f"- {each}" for each in stops))


def _publication(plan: Plan, files: list[Path], stops: list[str]) -> Iterator[str]:
    lacking = files
    if plan.index is None:
        yield plan.lacking or "no --index-url: neither its credentials nor what it has is looked at"
        stops += [plan.lacking] if plan.lacking else []
    else:
        yield f"the user {plan.index.username}, the password from {plan.index.source}, for {plan.index.simple}"
        try:
            lacking = missing(plan.index, PROJECT, files)
            yield f"the index takes the credentials; {len(files) - len(lacking)} of {len(files)} files are there"
        except GeneratorError as error:
            stops.append(str(error))
    for each in lacking:
        yield f"would upload {each.name} to {plan.index.upload if plan.index else 'the index'}"
        yield f"  sha256 {digest(each.read_bytes())}"


def _trial(plan: Plan, version: str, tree: Path, stops: list[str]) -> Iterator[str]:
    where = plan.index.simple if plan.index else "the index"
    yield f"would install {PROJECT}=={version} from {where} into a clean environment"
    try:
        lines = len(example((tree / "README.md").read_text("utf-8")).splitlines())
        yield f"would run the README's example ({lines} lines) against the backend"
    except GeneratorError as error:
        stops.append(str(error))


def _record(plan: Plan, version: str, stops: list[str]) -> Iterator[str]:
    yield f"would write {', '.join(WRITTEN)}"
    for refusal in filter(
        None, (_refused(require_committed, plan.root), _refused(require_untagged, plan.root, version))
    ):
        yield f"warning: {refusal}"
        stops += [refusal] if plan.tag else []
    if plan.tag:
        yield f"would commit that and tag it v{version}"
    if plan.push:
        yield f"would push both to {plan.push.remote} {plan.push.branch}"
    if not plan.tag:
        yield f"would leave it to you to commit, and to tag it v{version}"


def _refused(require: Callable[..., None], *arguments: object) -> str:
    try:
        require(*arguments)
    except GeneratorError as error:
        return str(error)
    return ""

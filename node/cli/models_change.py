"""`mvi-node models pack`, `install` and `activate`: what changes which model is used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from config.errors import ConfigError
from config.loading import find_config_file, load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, complain, ended, print_json, verb
from node.cli.person import person
from node.ledger.ledger import utc_now
from node.models.choice import model_folders
from node.models.signature import ModelRefusedError, read_private_key, signed

_ACTIVE_VARIABLE = "MVI_NODE_MODEL__ACTIVE"
_RESTART = "a running node goes on with the model that it loaded; restart it to take this one"


@verb
def install(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="Archive made by `models pack`.")],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="PEM", help="Public key that must have signed it. Default: model.trusted_keys."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Also where the name is installed already.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Install a model bundle, once its signature and every byte of it are checked; exit 3 where it is refused."""
    from node.audit.configuration import record_change  # noqa: PLC0415 - `--help` needs no archive
    from node.audit.trail import Trail  # noqa: PLC0415
    from node.models.install import install as install_bundle  # noqa: PLC0415
    from node.storage.folder import prepare_storage  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    with _refusals(as_json):
        done = install_bundle(archive, settings, key, replace=replace)
    model, by = done.identity, f"signed by {done.signed_by[:16]}" if done.signed_by else "not signed"
    instead = f" in place of {done.replaced}" if done.replaced else ""
    what = f"model {model.name} {model.version} sha256 {model.sha256} installed{instead}, {by}"
    trail = Trail(prepare_storage(settings.node.storage))
    record_change(trail, settings.node.ae_title, person(), utc_now(), what)
    if as_json:
        print_json(
            {
                "name": model.name,
                "version": model.version,
                "sha256": model.sha256,
                "intended_use": model.intended_use,
                "folder": str(done.folder),
                "signed_by": done.signed_by or None,
                "replaced": done.replaced or None,
            }
        )
        return
    complain(what)
    used = model.name == settings.model.active
    complain(_RESTART if used else f"`mvi-node models activate {model.name}` puts it in force")


@verb
def activate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Installed or bundled model.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model the active one: in the configuration file, and recorded in the audit trail."""
    from node.models.install import activate as activate_bundle  # noqa: PLC0415 - `--help` needs no archive

    settings, path = load_settings(config, os.environ), find_config_file(config, os.environ)
    if path is None:
        raise ConfigError(["no configuration file to write to; `mvi-node config init` makes one"])
    if _ACTIVE_VARIABLE in os.environ:
        raise ConfigError([f"{_ACTIVE_VARIABLE} overrides the configuration file; change it there"])
    with _refusals(as_json):
        model = activate_bundle(name, settings, path, person(), utc_now())
    if as_json:
        document = {"active": model.name, "version": model.version, "sha256": model.sha256}
        print_json({**document, "before": settings.model.active, "restart_needed": True})
        return
    complain(f"{model.name} {model.version} is the active model of {path}, sha256 {model.sha256}")
    complain(_RESTART)


@verb
def pack(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Model bundle, or the folder of one.")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Archive to write.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="PEM", help="Private Ed25519 key to sign with. Without it: not signed."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a model bundle as one file that `models install` takes elsewhere."""
    from node.models.archive import MANIFEST  # noqa: PLC0415 - with its user
    from node.models.archive import pack as pack_bundle  # noqa: PLC0415
    from pipeline.model_bundle import find_bundle, load_bundle  # noqa: PLC0415 - `--help` needs no numpy

    folder = Path(name)
    if not folder.is_dir():
        folder = find_bundle(name, model_folders(load_settings(config, os.environ)))
    identity = load_bundle(folder).identity
    signature = None if key is None else signed((folder / MANIFEST).read_bytes(), read_private_key(key))
    pack_bundle(folder, out, signature)
    if as_json:
        print_json({"file": str(out), "name": identity.name, "version": identity.version, "signed": bool(key)})
    else:
        how = "signed" if key else "not signed"
        complain(f"wrote {identity.name} {identity.version} to {out}, {how}")


@contextmanager
def _refusals(as_json: bool) -> Iterator[None]:
    try:
        yield
    except ModelRefusedError as error:
        raise ended(ExitCode.REFUSED, str(error), code=error.code, as_json=as_json) from error

"""A receiver as pynetdicom's tutorials show it: `python -m tests.bench.stock_receiver decode|write DIR PORT`."""

import sys
from pathlib import Path

from pynetdicom import AE, AllStoragePresentationContexts, evt


def main(how: str, folder: Path, port: int) -> None:
    """Receive until killed."""

    def keep(event: evt.Event) -> int:
        path = folder / f"{event.request.AffectedSOPInstanceUID}.dcm"  # type: ignore[union-attr]  # a C-STORE
        if how == "decode":
            ds = event.dataset
            ds.file_meta = event.file_meta
            ds.save_as(path, enforce_file_format=True)
        else:
            path.write_bytes(event.encoded_dataset())
        return 0x0000

    ae = AE("STOCK")
    ae.supported_contexts = AllStoragePresentationContexts
    ae.add_supported_context("1.2.840.10008.1.1")
    ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, keep)])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))

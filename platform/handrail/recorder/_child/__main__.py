"""The entry point, run by path: loads this directory as a package that a program's own modules cannot collide with."""

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = "handrail_recorder_child"


def load() -> None:
    """Import this directory as PACKAGE and run the program that argv names."""
    # Python puts the script's directory first; a program must not find our modules there.
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != HERE]
    spec = importlib.util.spec_from_file_location(PACKAGE, HERE / "__init__.py", submodule_search_locations=[str(HERE)])
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {HERE}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    importlib.import_module(f"{PACKAGE}.run").main(sys.argv[1])


if __name__ == "__main__":
    load()

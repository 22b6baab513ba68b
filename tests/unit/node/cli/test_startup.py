import subprocess
import sys

HEAVY = ("numpy", "scipy", "torch", "SimpleITK", "itk", "highdicom", "matplotlib", "openvino", "sklearn")
SCRIPT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in {HEAVY!r}:
            raise ImportError(name + " is not needed for this")

sys.meta_path.insert(0, Absent())
from node.cli import main
sys.argv = ["mvi-node", "config", "check"]
main()
"""


def test_command_line_when_it_only_reads_a_configuration_then_loads_nothing_that_computes() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "valid" in result.stderr

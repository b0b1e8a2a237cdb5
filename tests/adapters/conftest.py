import sys
from pathlib import Path

# The histories of the engines' own tests.
sys.path.append(str(Path(__file__).parents[1] / "digest" / "engines"))

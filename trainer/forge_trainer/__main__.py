"""`python -m forge_trainer`, which is what `torchrun -m forge_trainer` starts; the same as `forge-trainer`."""

from forge_trainer.cli import main

if __name__ == "__main__":
    main()

"""Install the four wings (hrm_gym, envs, agents, scripts) under the one import name hrm_gym."""

from setuptools import find_packages, setup

WINGS = {"hrm_gym": "hrm_gym"} | {f"hrm_gym.{w}": w for w in ("envs", "agents", "scripts")}
inner = [f"{name}.{sub}" for name, folder in WINGS.items() for sub in find_packages(folder)]
setup(packages=[*WINGS, *inner], package_dir=WINGS)

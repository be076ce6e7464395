"""What scikit-learn asks of an estimator: parameters that are read and set by name. Nothing of scikit-learn is needed for it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Self

from gpupipe.core.errors import UsageError, listing, nearest


class Estimator:
    """The base of dataclasses whose fields are parameters; what fitting gives are attributes that end with an underscore."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, and return the estimator.

        Raises
        ------
        UsageError
            There is no such parameter.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise UsageError(f"{type(self).__name__} has no parameter {name!r}.{nearest(name, known)} It has {listing(known)}.")
            setattr(self, name, value)
        return self

    def _fitted(self, name: str) -> Any:
        """Return an attribute of a fit.

        Raises
        ------
        UsageError
            There was no fit.
        """
        if name not in vars(self):
            raise UsageError(f"This {type(self).__name__} is not fitted yet. Call fit(tensor) first.")
        return vars(self)[name]

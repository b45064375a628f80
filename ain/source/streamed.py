"""Rows that `datasets` reads: of the hub, and of files that are neither Parquet nor Arrow."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from ain.source.table_rows import said


class Broken(Exception):
    """What `datasets` could not read. The message says why."""


@contextmanager
def reading() -> Iterator[None]:
    """Turn what `datasets` raises into Broken: errors of its own, of Arrow, of pandas, and Python's for what does not fit."""
    import datasets

    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # it logs what it raises
    try:
        yield
    except (datasets.exceptions.DatasetsError, pa.ArrowException, ArithmeticError, LookupError) as error:
        raise Broken(said(error)) from None
    except (OSError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise Broken(said(error)) from None
    except Exception as error:
        if type(error).__module__.startswith("httpx"):  # no network; the hub client chooses which httpx it uses
            raise Broken(said(error)) from None
        raise


class Streamed:
    """A streamed data set. features: column → type, None if it is not known."""

    def __init__(self, data: Any) -> None:
        self._data = data
        with reading():
            self.features = features(data)

    def rows(self, columns: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield rows with these columns, images undecoded. Raise Broken where the data cannot be read any further."""
        with reading():
            data = self._data.select_columns(sorted(set(columns)))
            for name, feature in features(data).items():
                if (raw := _undecoded(feature)) != feature:
                    data = data.cast_column(name, raw)
            rows = iter(data)
        while True:
            with reading():
                row = next(rows, None)
            if row is None:
                return
            yield row


def features(data: Any) -> dict[str, Any]:
    """Return column → type. A streamed data set may not know: then the first row tells the columns' names."""
    return dict(data.features or dict.fromkeys(next(iter(data), {})))


def is_image(feature: Any) -> bool:
    import datasets

    inner = feature.feature if isinstance(feature, datasets.List) else feature
    return isinstance(inner, datasets.Image)


def _undecoded(feature: Any) -> Any:
    """Return the same feature with images left undecoded, because only collect opens them."""
    import datasets

    if isinstance(feature, datasets.Image):
        return datasets.Image(decode=False)
    if isinstance(feature, datasets.List):
        return datasets.List(_undecoded(feature.feature), length=feature.length)
    if isinstance(feature, dict):
        return {name: _undecoded(inner) for name, inner in feature.items()}
    return feature

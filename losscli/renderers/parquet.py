"""The flat table of a report as a Parquet file."""

from __future__ import annotations

from losscli.renderers.delimited import delimited
from losscli.renderers.flat import WHOLE, FlatTable
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report


def render(report: Report, options: RenderOptions) -> bytes:
    """The rows of csv with types: text, int64 counts, float64 numbers."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    table = FlatTable(report)
    types = {
        name: pa.string() if name in table.text_columns else pa.int64() if name in WHOLE else pa.float64()
        for name in table.columns
    }
    # Through CSV because pyarrow, given Python objects, imports pandas when that is installed.
    arrow = pa_csv.read_csv(
        pa.py_buffer(delimited(table, ",").encode()),
        # A report is small, and a thread pool started here would outlive the call.
        read_options=pa_csv.ReadOptions(use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink)
    return bytes(sink.getvalue())


RENDERER = Renderer(
    name="parquet",
    summary="the rows of csv as a Parquet file",
    render=render,
    suffixes=(".parquet",),
    binary=True,
)

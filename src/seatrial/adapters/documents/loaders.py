"""The loaders by format: the table that the rest of loading looks into."""

from __future__ import annotations

from seatrial.adapters.documents.csv import CsvLoader, CsvRecords
from seatrial.adapters.documents.docx import DocxLoader
from seatrial.adapters.documents.email import EmailLoader, MboxSplitter
from seatrial.adapters.documents.html import HtmlLoader
from seatrial.adapters.documents.json import JsonLines, JsonLoader, JsonRecords, RecordLoader
from seatrial.adapters.documents.markdown import MarkdownLoader
from seatrial.adapters.documents.pdf import PdfLoader
from seatrial.adapters.documents.pptx import PptxLoader
from seatrial.adapters.documents.text import CodeLoader, TextLoader
from seatrial.adapters.documents.xlsx import XlsxLoader
from seatrial.rag.loading.loader import Loader, Splitter


def document_loaders() -> dict[str, Loader | Splitter]:
    """Every loader and splitter; no library is loaded before it is needed."""
    loaders: dict[str, Loader | Splitter] = {
        "text": TextLoader(),
        "code": CodeLoader(),
        "markdown": MarkdownLoader(),
        "html": HtmlLoader(),
        "pdf": PdfLoader(),
        "docx": DocxLoader(),
        "pptx": PptxLoader(),
        "xlsx": XlsxLoader(),
        "csv": CsvLoader(),
        "csv_records": CsvRecords(),
        "json": JsonLoader(),
        "json_records": JsonRecords(),
        "jsonl": JsonLines(),
        "record": RecordLoader(),
        "mbox": MboxSplitter(),
    }
    loaders["email"] = EmailLoader(loaders)
    return loaders

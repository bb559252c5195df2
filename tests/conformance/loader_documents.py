"""Small files of every format, made by the libraries that also read them, or by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

CHINESE = "海试是对成品船的检验。"


def pdf(*pages: str, title: str | None = None, author: str | None = None) -> bytes:
    """A PDF whose pages hold these texts; Chinese ones in a font of Unicode's code points."""
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    def stream(body: bytes, more: bytes = b"") -> int:
        return add(b"<< /Length %d %s>>\nstream\n%s\nendstream" % (len(body), more, body))

    latin = add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    unicode_map = stream(
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /U def\n"
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        b"1 beginbfrange <0000> <FFFF> <0000> endbfrange\nendcmap end end"
    )
    inner = add(
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Song /CIDSystemInfo "
        b"<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 1000 >>"
    )
    wide = add(
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /Identity-H "
        b"/DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>" % (inner, unicode_map)
    )
    parent = len(objects) + 2 * len(pages) + 1
    kids = []
    for text in pages:
        if text.isascii():
            shown = b"/F1 12 Tf 72 720 Td (%s) Tj" % text.encode()
        else:
            shown = b"/F2 12 Tf 72 720 Td <%s> Tj" % text.encode("utf-16-be").hex().encode()
        content = stream(b"BT " + shown + b" ET" if text else b"")
        kids.append(
            add(
                b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
                b"/Resources << /Font << /F1 %d 0 R /F2 %d 0 R >> >> >>"
                % (parent, content, latin, wide)
            )
        )
    references = b" ".join(b"%d 0 R" % kid for kid in kids)
    assert add(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), references)) == parent
    root = add(b"<< /Type /Catalog /Pages %d 0 R >>" % parent)
    facts = b"/CreationDate (D:20300105120000Z)"
    if title:
        facts += b" /Title <FEFF%s>" % title.encode("utf-16-be").hex().encode()
    if author:
        facts += b" /Author (%s)" % author.encode()
    info = add(b"<< %s >>" % facts)
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        root,
        info,
        table,
    )
    return bytes(out)


def locked_pdf(password: str) -> bytes:
    """A PDF that opens with a password only."""
    import pypdf

    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(io.BytesIO(pdf("secret"))))
    writer.encrypt(password, "owner", algorithm="AES-256")
    return _saved(writer.write)


def docx() -> bytes:
    """A Word document with headings, a table between paragraphs, and properties."""
    import docx as library

    document = library.Document()
    document.add_heading("Sea trials", level=1)
    document.add_paragraph("A ship is tested under way.")
    table = document.add_table(rows=2, cols=2)
    for row, texts in zip(table.rows, (("Ship", "Knots"), ("Ada", "21")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.add_heading("检验", level=2)
    document.add_paragraph(CHINESE)
    properties = document.core_properties
    properties.title, properties.author = "Trials 2030", "Ada"
    properties.keywords = "ships, tests"
    properties.created = datetime(2030, 1, 5, 12, tzinfo=UTC)
    return _saved(document.save)


def pptx() -> bytes:
    """Two slides with a table in the second and notes under the first."""
    import pptx as library
    from pptx.util import Inches

    presentation = library.Presentation()
    first = presentation.slides.add_slide(presentation.slide_layouts[1])
    first.shapes.title.text = "Speed"
    first.placeholders[1].text = "Twenty knots"
    first.notes_slide.notes_text_frame.text = "Mention the wind"
    second = presentation.slides.add_slide(presentation.slide_layouts[5])
    second.shapes.title.text = "检验"
    cells = second.shapes.add_table(1, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    cells.cell(0, 0).text, cells.cell(0, 1).text = "Ada", "21"
    presentation.core_properties.author = "Ada"
    return _saved(presentation.save)


def xlsx(sheets: dict[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.properties.creator = "Ada"
    return _saved(book.save)


def message(*, body: str = "See you on deck.", html: str | None = None) -> EmailMessage:
    """An e-mail without attachments."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada <ada@example.com>", "bob@example.com"
    mail["Subject"] = "试航 tomorrow"
    mail["Date"] = "Sat, 05 Jan 2030 13:00:00 +0100"
    mail["Message-ID"] = "<one@example.com>"
    mail.set_content(body)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    return mail


def mail_with_attachments() -> bytes:
    """A message with a PDF, a text of the same name twice, and a picture."""
    mail = message()
    mail.add_attachment(
        pdf("Page one", "Page two"), maintype="application", subtype="pdf", filename="plan.pdf"
    )
    mail.add_attachment("Bring ropes.", filename="../../etc/notes.txt")
    mail.add_attachment("Bring more.", filename="notes.txt")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="ship.png")
    return mail.as_bytes()


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def changed_zip(content: bytes, members: dict[str, bytes]) -> bytes:
    """An archive with some members replaced or added."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    return zipped(old | members)


def _saved(save: Any) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()

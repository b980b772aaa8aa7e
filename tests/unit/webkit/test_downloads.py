import codecs
from typing import IO

from lungwise.webkit.downloads import attachment, stream, table


def test_a_file_is_saved_under_its_name() -> None:
    answer = attachment(b"%PDF", "application/pdf", "study-1.pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="study-1.pdf"'
    assert (answer.mimetype, answer.get_data()) == ("application/pdf", b"%PDF")


def test_a_table_begins_with_what_lets_a_spreadsheet_read_its_names() -> None:
    answer = table("name\r\nसुनीता\r\n", "studies.csv")
    assert answer.get_data() == codecs.BOM_UTF8 + "name\r\nसुनीता\r\n".encode()
    assert answer.mimetype == "text/csv"


def test_a_large_file_comes_piece_by_piece_and_is_closed_whoever_reads_it() -> None:
    def write(file: IO[bytes]) -> None:
        file.write(b"0123456789" * 20_000)

    answer = stream(write, "application/zip", "patient-1.zip")
    assert (answer.headers["Content-Length"], len(list(answer.iter_encoded()))) == ("200000", 4)
    answer.close()
    stream(write, "application/zip", "unread.zip")

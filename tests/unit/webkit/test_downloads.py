import codecs

from lungwise.webkit.downloads import attachment, table


def test_a_file_is_saved_under_its_name() -> None:
    answer = attachment(b"%PDF", "application/pdf", "study-1.pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="study-1.pdf"'
    assert (answer.mimetype, answer.get_data()) == ("application/pdf", b"%PDF")


def test_a_table_begins_with_what_lets_a_spreadsheet_read_its_names() -> None:
    answer = table("name\r\nसुनीता\r\n", "studies.csv")
    assert answer.get_data() == codecs.BOM_UTF8 + "name\r\nसुनीता\r\n".encode()
    assert answer.mimetype == "text/csv"

from lungwise.webkit.downloads import attachment


def test_a_file_is_saved_under_its_name() -> None:
    answer = attachment(b"%PDF", "application/pdf", "study-1.pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="study-1.pdf"'
    assert (answer.mimetype, answer.get_data()) == ("application/pdf", b"%PDF")

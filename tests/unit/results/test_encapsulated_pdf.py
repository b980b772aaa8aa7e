from film_results import FACTS, READ
from lungwise.results.encapsulated_pdf import encapsulated_pdf
from lungwise.results.study_header import study_header


def test_a_report_is_wrapped_as_it_is_and_refers_to_its_film() -> None:
    header = study_header(b"a picture", FACTS)
    item = encapsulated_pdf([(header, READ)], b"%PDF-1.4 odd")
    assert item.EncapsulatedDocument[: item.EncapsulatedDocumentLength] == b"%PDF-1.4 odd"
    assert item.SourceInstanceSequence[0].ReferencedSOPInstanceUID == FACTS.film_uid
    assert item.SOPInstanceUID != encapsulated_pdf([(header, READ)], b"%PDF-1.4 even").SOPInstanceUID

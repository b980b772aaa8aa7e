"""What the card says in words: what the model is for, what it is not, and what it learnt from."""

from __future__ import annotations

INTENDED_USE = (
    "Research and decision support for doctors who look at a frontal chest film of an adult and want a second look "
    "for the typical appearance of COVID-19 pneumonia. It is no medical device, it does not replace a PCR test or a "
    "radiologist, and it never decides alone."
)

LIMITS = (
    "The probability is that of the typical radiographic appearance as radiologists read it, not of a positive "
    "PCR test.",
    "About one in nine training films labelled negative belongs to a patient whom another database lists as "
    "COVID-19 positive: an infected patient may have a clear film.",
    "Other lung disease can look alike: tuberculosis and bacterial pneumonia are called positive more often than "
    "normal films are.",
    "Children and side views were not what it was trained to read; a photograph of a film is read less surely than "
    "the film itself.",
    "Predictive values change with prevalence; the calibration belongs to the validation films' prevalence.",
)

DATA = (
    {"source": "SIIM-FISABIO-RSNA COVID-19 challenge", "use": "research only, by the challenge's terms"},
    {"source": "COVID-19 image data collection (Cohen et al.), hosts other than Radiopaedia", "use": "varies by image"},
    {"source": "COVID-19 Radiography Database", "use": "research only"},
    {"source": "RSNA Pneumonia Detection Challenge, normal films", "use": "research only, by the challenge's terms"},
    {"source": "NIH ChestX-ray8", "use": "unrestricted, with attribution"},
    {"source": "Mendeley tuberculosis and normal films", "use": "CC BY 4.0"},
    {"source": "Belarus tuberculosis portal", "use": "research only"},
    {"source": "Paediatric pneumonia films (Kermany et al.)", "use": "CC BY 4.0"},
    {"source": "CT slices, bone films, photographs", "use": "research only; to learn refusal"},
)

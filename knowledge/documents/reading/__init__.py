"""Files read into their text, with the headings and pages it stands under: one module per format."""

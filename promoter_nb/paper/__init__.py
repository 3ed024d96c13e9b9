"From runs to the report: records, claims, sentences and the PDF."

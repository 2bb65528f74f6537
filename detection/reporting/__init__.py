"""What a report is made of, beyond rows: figures of a model, pictures, tables and paper.

Nothing here knows Django: plain values come in, plain values and bytes go out.
"""

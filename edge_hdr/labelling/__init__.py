"""Label samples on a page: a key a digit, kept at once, left as a folder that training takes.

    DIR/…/*.png           the pictures, untouched, wherever they lie below DIR
    DIR/labels.csv        file,label: the digits, for `build --data DIR` and `adapt --samples DIR`
    DIR/non-digits.csv    file,label: what was said to be no digit, each with the label "none"
    DIR/labels.jsonl      the journal: a line for each key, on disk before the page confirms it

The journal is what counts. The tables follow it within a second, and when the page is opened again
after a crash; each is written whole or not at all, and is there only once it has had a row. Rows
that a person changes in a table while no page is open are kept.

What DIR says already counts as said: its labels.csv, or sub-folders that are all named after
classes ("none" for what is no digit). A board's sub-folders are its guesses, no labels, but for the
files that a person has moved from one to another.
"""

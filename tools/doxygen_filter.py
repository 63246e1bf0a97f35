#!/usr/bin/env python3
"""A header as doxygen wants it: comments before a declaration or behind it become documentation. tools/docs.sh is where it is used."""
import re, sys

text = open(sys.argv[1]).read()
if not sys.argv[1].endswith(".h"):
    print(text, end="")
    sys.exit()


def escape(comment):
    """Code stays code; what doxygen would take for commands, tags or links is text."""
    out = []
    for line in comment.split("\n"):
        example = re.match(r"^( ?\* )( {2,}.*)$", line)
        if example:
            out.append(example[1] + "    " + example[2])
            continue
        out.append(re.sub(r"([@\\<>#%&])", r"\\\1", line))
    return "\n".join(out)


out, at = [], 0
for comment in re.finditer(r"/\*.*?\*/", text, re.S):
    before = text[text.rfind("\n", 0, comment.start()) + 1:comment.start()]
    body = comment[0][2:-2]
    out.append(text[at:comment.start()])
    at = comment.end()
    if re.match(r"\s*---", body) or before.rstrip().endswith("\\") or text[comment.end():comment.end() + 2] in (" \\", "*/"):
        out.append(comment[0])                      # a heading, or inside a macro
    elif not text[:comment.start()].strip():
        out.append("/** @file\n *" + escape(body) + "*/")
    elif before.strip():
        out.append("/**<" + escape(body) + "*/")
    else:
        out.append("/**" + escape(body) + "*/")
print("".join(out) + text[at:], end="")

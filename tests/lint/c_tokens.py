"""Splits C text into tokens, and tokens into the declarations and function bodies of a file; just enough for check_source.py."""
import dataclasses
import re

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<directive>(?<![^\n])[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<char>'(?:\\.|[^'\\\n])*')
      | (?P<word>[A-Za-z_]\w*)
      | (?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
      | (?P<space>\s+)
      | (?P<punct>\.\.\.|->|.)""",
    re.VERBOSE | re.DOTALL,
)

CONTROL = {"if", "for", "while", "switch"}
# Attributes may stand before a function's name with brackets of their own.
ATTRIBUTE = re.compile(r"__attribute__|_Alignas|G_GNUC_\w+")
MACRO_NAME = re.compile(r"[A-Z][A-Z0-9_]*$")
# Words that stand between declarations and mean nothing here.
NOISE = ("G_BEGIN_DECLS", "G_END_DECLS", "__extension__")
OPEN_CLOSE = {"(": ")", "[": "]", "{": "}"}


@dataclasses.dataclass(frozen=True)
class Token:
    kind: str
    text: str
    line: int


@dataclasses.dataclass
class Function:
    """A function's definition. `body` has the tokens between its braces; lines count from brace to brace."""
    name: str
    static: bool
    line: int
    parameters: int
    length: int
    body: list


def tokenize(text):
    """All tokens but white space, with the line on which each begins."""
    tokens, line = [], 1
    for match in TOKEN.finditer(text):
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup, match.group(), line))
        line += match.group().count("\n")
    return tokens


def code_only(tokens):
    """Without comments and preprocessor lines."""
    return [t for t in tokens if t.kind not in ("comment", "directive")]


def matching(tokens, start):
    """The index of the bracket that closes the one at `start`; the last token when none does."""
    close, depth = OPEN_CLOSE[tokens[start].text], 0
    for i in range(start, len(tokens)):
        if tokens[i].text == tokens[start].text:
            depth += 1
        elif tokens[i].text == close:
            depth -= 1
            if depth == 0:
                return i
    return len(tokens) - 1


def parameter_group(statement):
    """The index of the bracket that opens the parameters in a function's head, or None."""
    i = 0
    while i < len(statement):
        if statement[i].text == "(":
            if i > 0 and statement[i - 1].kind == "word" and not ATTRIBUTE.match(statement[i - 1].text):
                return i
            i = matching(statement, i)
        i += 1
    return None


def count_parameters(head, opening):
    inner = head[opening + 1:matching(head, opening)]
    if not inner or [t.text for t in inner] == ["void"]:
        return 0
    depth, count = 0, 1
    for token in inner:
        depth += (token.text in OPEN_CLOSE) - (token.text in OPEN_CLOSE.values())
        count += token.text == "," and depth == 0
    return count


def is_lone_macro(tokens, start, end):
    """Whether NAME (...) from `start` to the bracket at `end` is a statement of its own, such as G_DEFINE_TYPE."""
    following = tokens[end + 1].text if end + 1 < len(tokens) else ";"
    return end > start and MACRO_NAME.match(tokens[start].text) and following not in "{;,=[(*"


def split_file(tokens):
    """(statements, functions) of the file scope. A statement is the list of tokens before its ";", initialiser left out."""
    tokens = [t for t in code_only(tokens) if t.text not in NOISE]
    statements, functions, head, i = [], [], [], 0
    while i < len(tokens):
        token = tokens[i]
        if token.text == "(":
            end = matching(tokens, i)
            start_of_head = i - len(head)
            head += tokens[i:end + 1]
            i = end
            if len(head) - (end - start_of_head) == 1 and is_lone_macro(tokens, start_of_head, end):
                head = []
        elif token.text == "{":
            end = matching(tokens, i)
            opening = parameter_group(head)
            if opening is not None and not any(t.text == "=" for t in head):
                functions.append(Function(head[opening - 1].text, any(t.text == "static" for t in head), head[opening - 1].line,
                                          count_parameters(head, opening), tokens[end].line - token.line + 1, tokens[i + 1:end]))
                head = []
            else:
                head.append(token)
            i = end
        elif token.text == ";":
            statements.append(head)
            head = []
        else:
            head.append(token)
        i += 1
    return statements, functions


def block_depth(body):
    """(deepest nesting of blocks, its line) in a function's body; the braces of initialisers and types are not blocks."""
    kinds, deepest, where = [], 0, 0
    control_brackets, stack = set(), []
    for i, token in enumerate(body):
        previous = body[i - 1].text if i > 0 else ";"
        if token.text == "(":
            stack.append(previous in CONTROL)
        elif token.text == ")" and stack:
            if stack.pop():
                control_brackets.add(i)
        elif token.text == "{":
            inside_block = not kinds or kinds[-1]
            kinds.append(inside_block and (i - 1 in control_brackets or previous in (";", "{", "}", ":", "(", "else", "do")))
            depth = sum(kinds)
            if kinds[-1] and depth > deepest:
                deepest, where = depth, token.line
        elif token.text == "}" and kinds:
            kinds.pop()
    return deepest, where

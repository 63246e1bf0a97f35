"""The program at a terminal of its own: keys go in, and what a person would see is asked for."""
import fcntl, os, pty, re, select, signal, struct, termios, time

from jobs import BIN, SLOW
from program import environment

KEYS = {"up": "\x1b[A", "down": "\x1b[B", "left": "\x1b[D", "right": "\x1b[C", "home": "\x1b[H", "end": "\x1b[F", "enter": "\r", "tab": "\t",
        "ctrl-c": "\x03", "ctrl-d": "\x04", "ctrl-r": "\x12", "ctrl-u": "\x15", "backspace": "\x7f"}


class Screen:
    """As much of a terminal as line editors and live lines use. Lines that scrolled away stay in `lines`."""

    def __init__(self, columns):
        self.columns, self.lines, self.row, self.column, self.rest = columns, [[]], 0, 0, ""

    def feed(self, text):
        text, self.rest = self.rest + text, ""
        at = 0
        while at < len(text):
            c = text[at]
            if c == "\x1b":
                found = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z@])|\x1b[^\[]").match(text, at)
                if not found:
                    self.rest = text[at:]
                    return
                at = found.end()
                if found[3] and not found[1]:
                    self.control(found[3], int(found[2].split(";")[0] or 0))
                continue
            at += 1
            if c == "\n":
                self.row += 1
            elif c == "\r":
                self.column = 0
            elif c == "\b":
                self.column = max(self.column - 1, 0)
            elif c >= " ":
                if self.column == self.columns:
                    self.row, self.column = self.row + 1, 0
                line = self.line()
                line[self.column:self.column + 1] = [c]
                self.column += 1
            self.line()

    def line(self):
        while self.row >= len(self.lines):
            self.lines.append([])
        line = self.lines[self.row]
        line.extend(" " * (self.column - len(line)))
        return line

    def control(self, letter, n):
        line = self.line()
        if letter == "G":
            self.column = max(n, 1) - 1
        elif letter in "ABCD":
            n = max(n, 1)
            self.row = max(self.row + {"A": -n, "B": n}.get(letter, 0), 0)
            self.column = max(self.column + {"C": n, "D": -n}.get(letter, 0), 0)
        elif letter == "K":
            del line[self.column if n == 0 else 0:]
        elif letter == "J":
            del line[self.column:], self.lines[self.row + 1:]
        elif letter == "P":
            del line[self.column:self.column + max(n, 1)]
        elif letter == "@":
            line[self.column:self.column] = " " * max(n, 1)
        self.line()

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)


class Terminal:
    """with Terminal(cwd, "sql") as t: t.type("SELECT 1;", "enter"); t.wait_for("(1 row)")"""

    def __init__(self, cwd, *arguments, rows=40, columns=100, env={}):
        read, write = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.read(read, 1)  # until the size is set
            os.close(write)
            os.chdir(cwd)
            os.execve(BIN, [BIN, *arguments], environment(TERM="xterm", **env))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.write(write, b"x")
        os.close(read), os.close(write)
        self.screen, self.raw, self.seen, self.code = Screen(columns), "", 0, None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        """A program that is still there is told to end, which it must do well unless the test has failed already."""
        if self.code is None:
            os.kill(self.pid, signal.SIGTERM if kind is None else signal.SIGKILL)
            self.wait()
            assert kind or self.code == 0, f"exit code {self.code}\n{self.screen.text()}"
        os.close(self.fd)

    def type(self, *keys):
        """Texts, and keys by their name."""
        for key in keys:
            os.write(self.fd, KEYS.get(key, key).encode())

    def read(self, seconds):
        """False: nothing came, or all is over."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            data = ""
        self.raw += data
        self.screen.feed(data)
        return data != ""

    def wait_for(self, pattern, seconds=60, exactly=False):
        """Until it matches what came to the screen since what the last call matched, from the beginning of that line on; the match."""
        limit = time.monotonic() + seconds * SLOW
        while True:
            text = self.screen.text()
            start = min(self.seen, len(text))
            found = re.compile(pattern, re.M).search(text, start if exactly else text.rfind("\n", 0, start) + 1)
            if found:
                self.seen = found.end()
                return found
            assert time.monotonic() < limit and (self.read(1) or self.read(1) or time.monotonic() < limit), f"no {pattern!r} in\n{text}"

    def prompt(self, sign="="):
        """Until it asks for the next line."""
        return self.wait_for(rf"^sparklet{re.escape(sign)}>$", exactly=True)

    def do(self, line, sign="="):
        """A line, and what it shows until the next prompt."""
        self.type(line, "enter")
        before = self.seen
        self.prompt(sign)
        return self.screen.text()[before:self.seen]

    def wait(self):
        """Until the program has ended; its exit code."""
        while self.read(60 * SLOW):
            pass
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

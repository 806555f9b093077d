"""A tape of what happened in a terminal, and an SVG that plays it: each scene appears when its turn comes, and all stay
until the playback begins again. Without animation the whole text is there. Knows nothing of Signalbox."""
import collections
import html
import textwrap
import time

# `at`: real seconds since the recording began. `kind`: command, output or note.
Scene = collections.namedtuple("Scene", "at kind lines")

ROW, LETTER, TOP, LEFT = 18, 7.85, 44, 84   # pixels: a row, a letter at 13 px, the title bar, the column of times
WAIT_MAX = 1.0                              # seconds of the playback that a real wait takes at most
READING = {"command": 0.35, "output": 1.4, "note": 0.9}   # seconds that a scene stays alone
END = 4.0                                   # seconds that everything stays

STYLE = """
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d7dce2;
       white-space: pre; }
.command { fill: #ffffff; font-weight: 600; } .note { fill: #8fb8de; } .bad { fill: #ff8f80; }
.time, .title { fill: #8b949e; } .time { font-size: 11px; text-anchor: end; } .title { font-size: 12px; }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
"""


class Tape:
    """What was typed and answered, and when."""

    def __init__(self, ask, columns):
        self.ask, self.columns, self.began, self.scenes = ask, columns, time.monotonic(), []

    def note(self, words):
        self.put("note", textwrap.wrap(f"# {words}", self.columns, subsequent_indent="# "))

    def run(self, command, first=None):
        """Runs a command and shows it with the first lines of its output, or all of them."""
        self.put("command", [f"$ {command}" + (f" | head -{first}" if first else "")])
        self.put("output", self.ask(command).splitlines()[:first])

    def put(self, kind, lines):
        # As a terminal does it: a line that is too long goes on in the next row.
        rows = [line[at:at + self.columns] for line in lines for at in range(0, max(len(line), 1), self.columns)]
        self.scenes.append(Scene(time.monotonic() - self.began, kind, rows))
        print("\n".join(rows))


def svg(scenes, columns, title):
    """Returns the picture. The column of times shows real seconds; the playback's own pauses are for reading."""
    begins = playback(scenes)
    total = begins[-1] + END
    rules, body, row = [], [], 0
    for number, (scene, begin) in enumerate(zip(scenes, begins)):
        rules.append(appears(f"s{number}", begin / total, 1))
        body.append(f'<g class="s{number}">')
        if scene.kind != "output":
            body.append(text(LEFT - 14, row, "time", f"{scene.at:.1f} s"))
        for line in scene.lines:
            bad = scene.kind == "output" and "NOT REACHABLE" in line
            body.append(text(LEFT, row, "bad" if bad else scene.kind, line))
            row += 1
        body.append("</g>")
    row += 1
    for number, scene in enumerate(scenes):
        # Without animation only the last one is there.
        last = number == len(scenes) - 1
        end, hidden = (1, "") if last else (begins[number + 1] / total, ' opacity="0"')
        rules.append(appears(f"t{number}", begins[number] / total, end))
        clock = f"elapsed: {scene.at:.1f} s. The playback pauses for reading, and cuts waits to {WAIT_MAX:.0f} s."
        body.append(f'<g class="t{number}"{hidden}>{text(LEFT, row, "title", clock)}</g>')
    rules.append(f"g {{ animation-duration: {total:.1f}s; animation-iteration-count: infinite; "
                 "animation-timing-function: step-end; }")
    width, height = round(LEFT + columns * LETTER + 16), TOP + (row + 1) * ROW + 8
    dots = "".join(f'<circle cx="{20 + 18 * n}" cy="17" r="5.5" fill="#4b535d"/>' for n in range(3))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{html.escape(title)}">',
        f"<title>{html.escape(title)}</title>", f"<style>{STYLE}", *rules, "</style>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="#161b22" stroke="#57606a"/>',
        f'<path d="M0.5 34.5H{width - 0.5}" stroke="#30363d"/>', dots,
        f'<text class="title" x="{width / 2}" y="21" text-anchor="middle">{html.escape(title)}</text>',
        *body, "</svg>", ""])


def playback(scenes):
    """Returns when each scene appears, in seconds of the playback."""
    begins = [0.0]
    for before, scene in zip(scenes, scenes[1:]):
        begins.append(begins[-1] + max(READING[before.kind], min(scene.at - before.at, WAIT_MAX)))
    return begins


def appears(name, begin, end):
    """Shows an element from one part of the playback to another."""
    steps = {0.0: 0, begin: 1, **({end: 0} if end < 1 else {})}
    frames = " ".join(f"{100 * at:.2f}% {{ opacity: {value}; }}" for at, value in steps.items())
    return f"@keyframes {name} {{ {frames} }} .{name} {{ animation-name: {name}; }}"


def text(x, row, kind, line):
    return f'<text class="{kind}" x="{x}" y="{TOP + row * ROW + 13}" xml:space="preserve">{html.escape(line)}</text>'

"""Runs code in one namespace that lasts.

Requests come on descriptor 3: a length (u32, little-endian) and JSON. The answer to a cell is a length,
the length of its head, the head as JSON, and bytes: the text of the exception, if there is one, and the
results. What code prints goes to the standard outputs, which the agent reads.
"""

import ast
import builtins
import importlib
import io
import json
import linecache
import os
import signal
import site
import socket
import struct
import sys
import traceback
import types

MAX_RESULT_BYTES = 8 * 1024 * 1024
OWN_FILE = "<string>"

control = socket.socket(fileno=3)
control.set_inheritable(False)
own_process = os.getpid()
main = types.ModuleType("__main__")
main.__builtins__ = builtins
sys.modules["__main__"] = main
sys.argv = [""]
results = []
cell_count = 0
event_loop = None


def receive(count):
    parts = []
    while count:
        part = control.recv(min(count, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def add(media_type, data):
    if isinstance(data, str):
        data = data.encode("utf-8", "replace")
    room = MAX_RESULT_BYTES - sum(len(known) for _, known in results)
    if len(data) > room:
        media_type, data = "text/plain", f"[{media_type} of {len(data)} bytes is left out]".encode()
    if len(results) < 64:
        results.append((media_type, data))


def display(*values):
    """Shows values as results, as the last expression of the code is."""
    for value in values:
        shown = False
        for media_type, method in (("image/png", "_repr_png_"), ("text/html", "_repr_html_")):
            make = getattr(type(value), method, None)
            if make is None:
                continue
            try:
                data = make(value)
            except Exception:
                continue
            if data:
                add(media_type, data)
                shown = shown or media_type == "image/png"
        if not shown:
            add("text/plain", repr(value))


def show_figures():
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not hasattr(pyplot, "get_fignums"):
        return
    for number in pyplot.get_fignums():
        picture = io.BytesIO()
        pyplot.figure(number).savefig(picture, format="png", bbox_inches="tight")
        add("image/png", picture.getvalue())
    pyplot.close("all")


def evaluate(tree, name, mode):
    code = compile(tree, name, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    value = eval(code, main.__dict__)
    if code.co_flags & 0x80:  # inspect.CO_COROUTINE: it awaits
        global event_loop
        if event_loop is None:
            import asyncio

            event_loop = asyncio.new_event_loop()
            asyncio.set_event_loop(event_loop)
        value = event_loop.run_until_complete(value)
    return value


def run(source):
    global cell_count
    cell_count += 1
    name = f"<code {cell_count}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if tree.body:
        evaluate(tree, name, "exec")
    if last is not None:
        value = evaluate(ast.Expression(last.value), name, "eval")
        if value is not None:
            main._ = value
            display(value)
    show_figures()


def explain(error):
    step = error.__traceback__
    while step is not None and step.tb_frame.f_code.co_filename == OWN_FILE:
        step = step.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, step)).rstrip()
    except Exception:
        return f"{type(error).__name__}, which cannot be shown"


def answer(error):
    texts = [] if error is None else [error.encode("utf-8", "replace")[:MAX_RESULT_BYTES]]
    head = json.dumps({
        "error_bytes": len(texts[0]) if texts else None,
        "parts": [{"media_type": kind, "size_bytes": len(data)} for kind, data in results],
    }).encode()
    body = b"".join(texts + [data for _, data in results])
    control.sendall(struct.pack("<II", 4 + len(head) + len(body), len(head)) + head + body)


def see_installed():
    """What was installed since the interpreter began, in a folder that may not have been there then."""
    importlib.invalidate_caches()
    folder = site.getusersitepackages()
    if folder in sys.path or not os.path.isdir(folder):
        return
    count = len(sys.path)
    site.addsitedir(folder)
    added = sys.path[count:]
    del sys.path[count:]
    # Before the system's own packages, as in an interpreter that begins now.
    ends = ("site-packages", "dist-packages")
    place = next((at for at, path in enumerate(sys.path) if path.endswith(ends)), count)
    sys.path[place:place] = added


def reseed():
    if "random" in sys.modules:
        sys.modules["random"].seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed()


def perform(request):
    results.clear()
    error = None
    try:
        see_installed()
        # An interrupt that comes now ends the code, and one that comes later nothing.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            run(request["source"])
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except BaseException as caught:
        error = explain(caught)
    if os.getpid() != own_process:
        # A copy of the interpreter that the code made came out of it: it has no one to answer.
        os._exit(0)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    answer(error)


signal.signal(signal.SIGINT, signal.SIG_IGN)
builtins.display = display
# The library's own would close what the interpreter reads from.
builtins.exit = builtins.quit = sys.exit
for stream in (sys.stdout, sys.stderr):
    stream.reconfigure(line_buffering=True, errors="backslashreplace")
while True:
    (length,) = struct.unpack("<I", receive(4))
    request = json.loads(receive(length))
    if request["op"] == "reseed":
        reseed()
    elif request["op"] == "env":
        for name in request["unset"]:
            os.environ.pop(name, None)
        os.environ.update(request["set"])
    else:
        perform(request)

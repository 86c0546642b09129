"""A server of the Model Context Protocol, made with the mcp package's own server, good or bad as its argument says.

python mcp_server.py stdio [good|paged|noisy|broken|crash|hang|endless|orphan|secret]
python mcp_server.py http PORT
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def good():
    from mcp.server import MCPServer
    from mcp.types import ToolAnnotations

    server = MCPServer("toy-tools", version="1.2.3")

    @server.tool(title="Add two numbers", annotations=ToolAnnotations(read_only_hint=True, destructive_hint=False))
    def add(a: int, b: int = 1) -> int:
        """Add b to a."""
        return a + b

    @server.tool()
    def remove(path: str) -> str:
        """Remove a file."""
        return path

    return server


def paged():
    """A server of 25 tools in pages of 10."""
    import anyio
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server
    from mcp.types import ListToolsResult, Tool

    tools = [Tool(name=f"tool{n:02d}", description="One of many", input_schema={"type": "object"}) for n in range(25)]

    async def list_tools(context, params):
        start = int(params.cursor) if params and params.cursor else 0
        following = str(start + 10) if start + 10 < len(tools) else None
        return ListToolsResult(tools=tools[start : start + 10], next_cursor=following)

    async def run():
        server = Server("paged-tools", version="7", on_list_tools=list_tools)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(run)


def write(line):
    """A line on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def by_hand(tools, *, cursor=None):
    """Answer by hand, so that the answer may be wrong."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        if message["method"] == "initialize":
            version = message["params"]["protocolVersion"]
            result = {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "hand", "version": "0"},
            }
        elif message["method"] == "tools/list":
            result = {"tools": tools} | ({"nextCursor": cursor} if cursor else {})
        else:
            error = {"code": -32601, "message": "no such method"}
            write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}))
            continue
        write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}))


FINE = {
    "name": "fine",
    "description": "Good",
    "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
}
BROKEN = [FINE, {"name": "no-schema"}, {"name": "odd", "inputSchema": {"type": "array"}}, {"inputSchema": {}}, "text"]


def main(transport, argument="good"):
    if transport == "http":
        good().run("streamable-http", host="127.0.0.1", port=int(argument))
    elif argument == "good":
        good().run("stdio")
    elif argument == "paged":
        paged()
    elif argument == "noisy":
        write("Starting up!\n{not json")
        by_hand([FINE])
    elif argument == "broken":
        by_hand(BROKEN)
    elif argument == "endless":
        by_hand([FINE], cursor="again")
    elif argument == "secret":
        by_hand([{**FINE, "description": f"Uses {os.environ['TOY_API_KEY']} in {os.environ['TOY_LEVEL']}"}])
    elif argument == "crash":
        sys.stderr.write("Traceback: no database\n")
        sys.exit(3)
    elif argument == "orphan":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["TOY_PIDS"]).write_text(f"{os.getpid()} {child.pid}")
        time.sleep(600)
    else:
        time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Three worlds of things: files, bank accounts, a shop."""

from typing import Any

from forge_trajectories.execution.worlds import (
    Arguments,
    Refused,
    State,
    World,
    WorldTool,
    found,
    many,
    new_id,
    number,
    text,
    whole,
)
from forge_trajectories.picking import Picks

_FILE = {
    "path": text("Path of the file."),
    "size": whole("Its size in characters."),
    "content": text("What is in it."),
}
_ACCOUNT = {
    "id": text("Id of the account."),
    "owner": text("Whose it is."),
    "currency": text("ISO 4217 code."),
    "balance": number("What is on it."),
}
_PRODUCT = {
    "id": text("Id of the product."),
    "name": text("Its name."),
    "price": number("Price of one."),
    "stock": whole("How many there are."),
}
_CART = {
    "id": text("Id of the cart."),
    "lines": many({"type": "object"}, "Products in it."),
    "total": number("What they cost together."),
    "ordered": {"type": "boolean", "description": "Whether it was ordered."},
}
_NAMES = ("Amara Osei", "Bo Lindqvist", "Chen Wei", "Dalia Haddad", "Elif Kaya")
_GOODS = (("Kettle", 39.5), ("Desk lamp", 54.0), ("Notebook", 6.25), ("Backpack", 79.9), ("Headphones", 129.0))


_TODO = ("water the plants", "buy stamps", "return the ladder", "book a dentist", "clean the bicycle", "call Bo")


def _files(picks: Picks) -> State:
    todo = ", ".join(dict.fromkeys(picks.one(_TODO) for _ in range(3)))
    notes = {"notes/errands.txt": todo, "notes/ideas.txt": "a lamp that follows the sun"}
    return {"files": {**notes, "reports/q1.csv": f"month,units\njan,{100 + picks.below(400)}\n"}}


def _path(given: Arguments, name: str = "path") -> str:
    path = str(given[name]).strip("/")
    if not path or ".." in path.split("/"):
        raise Refused(400, f"{given[name]!r} is no path of a file")
    return path


def _there(state: State, path: str) -> str:
    if path not in state["files"]:
        raise Refused(404, f"there is no file {path}")
    return path


def _shown(state: State, path: str) -> dict[str, Any]:
    content = state["files"][path]
    return {"path": path, "size": len(content), "content": content}


def _write_file(state: State, given: Arguments) -> Any:
    path = _path(given)
    state["files"][path] = str(given["content"])
    return {"path": path, "size": len(state["files"][path])}


def _move_file(state: State, given: Arguments) -> Any:
    path, to = _there(state, _path(given)), _path(given, "new_path")
    if to in state["files"]:
        raise Refused(409, f"there is a file {to} already")
    state["files"][to] = state["files"].pop(path)
    return {"path": to, "size": len(state["files"][to])}


def _delete_file(state: State, given: Arguments) -> Any:
    path = _there(state, _path(given))
    del state["files"][path]
    return {"path": path, "deleted": True}


def _list_files(state: State, given: Arguments) -> Any:
    folder = str(given.get("folder", "")).strip("/")
    names = sorted(path for path in state["files"] if not folder or path.startswith(f"{folder}/"))
    return {"count": len(names), "paths": names}


FILES = World(
    name="files",
    about="A folder of text files",
    start=_files,
    tools=(
        WorldTool(
            name="write_file",
            about="Write a text file. A file that is there already is replaced.",
            parameters={"path": text("Path of the file."), "content": text("What is to be in it.")},
            required=("path", "content"),
            returns={key: _FILE[key] for key in ("path", "size")},
            run=_write_file,
            examples=(
                {"path": "notes/packing.txt", "content": "tent, stove, two torches"},
                {"path": "drafts/letter.txt", "content": "Dear neighbours"},
            ),
        ),
        WorldTool(
            name="read_file",
            about="Read a text file.",
            parameters={"path": text("Path of the file.")},
            required=("path",),
            returns=_FILE,
            run=lambda state, given: _shown(state, _there(state, _path(given))),
            examples=({"path": "notes/errands.txt"}, {"path": "notes/ideas.txt"}),
            reads=True,
        ),
        WorldTool(
            name="list_files",
            about="List the paths of all files. With a folder, only those in it.",
            parameters={"folder": text("Only this folder.")},
            required=(),
            returns={"count": whole("How many there are."), "paths": many({"type": "string"}, "Their paths.")},
            run=_list_files,
            examples=({"folder": "notes"}, {"folder": "reports"}),
            reads=True,
        ),
        WorldTool(
            name="move_file",
            about="Move a file to another path.",
            parameters={"path": text("Path of the file."), "new_path": text("Its new path.")},
            required=("path", "new_path"),
            returns={key: _FILE[key] for key in ("path", "size")},
            run=_move_file,
            examples=({"path": "notes/ideas.txt", "new_path": "archive/ideas.txt"},),
        ),
        WorldTool(
            name="delete_file",
            about="Delete a file.",
            parameters={"path": text("Path of the file.")},
            required=("path",),
            returns={"path": text("Path of the file."), "deleted": {"type": "boolean"}},
            run=_delete_file,
            examples=({"path": "reports/q1.csv"},),
        ),
    ),
)


def _bank(picks: Picks) -> State:
    state: State = {"accounts": {}}
    for _ in range(2):
        key = new_id(state, "acc")
        balance = float(500 + 50 * picks.below(40))
        state["accounts"][key] = {"id": key, "owner": picks.one(_NAMES), "currency": "EUR", "balance": balance}
    return state


def _open_account(state: State, given: Arguments) -> Any:
    key = new_id(state, "acc")
    opened = {"id": key, "owner": given["owner"], "currency": given["currency"], "balance": 0.0}
    state["accounts"][key] = opened
    return opened


def _deposit(state: State, given: Arguments) -> Any:
    account = found(state, "accounts", given["account_id"], "account")
    account["balance"] = round(account["balance"] + given["amount"], 2)
    return account


def _withdraw(state: State, given: Arguments) -> Any:
    account = found(state, "accounts", given["account_id"], "account")
    if given["amount"] > account["balance"]:
        raise Refused(409, f"only {account['balance']} {account['currency']} are on {account['id']}")
    account["balance"] = round(account["balance"] - given["amount"], 2)
    return account


def _close_account(state: State, given: Arguments) -> Any:
    account = found(state, "accounts", given["account_id"], "account")
    if account["balance"]:
        raise Refused(409, f"{account['balance']} {account['currency']} are still on {account['id']}")
    del state["accounts"][account["id"]]
    return {"id": account["id"], "closed": True}


_AMOUNT = number("How much, in the account's currency.", exclusiveMinimum=0, maximum=10_000)

BANK = World(
    name="bank",
    about="Bank accounts",
    start=_bank,
    tools=(
        WorldTool(
            name="open_account",
            about="Open a bank account with nothing on it.",
            parameters={
                "owner": text("Whose it is."),
                "currency": text("ISO 4217 code.", enum=["EUR", "USD", "GBP", "CHF"]),
            },
            required=("owner", "currency"),
            returns=_ACCOUNT,
            run=_open_account,
            examples=({"owner": "Farid Nazari", "currency": "CHF"}, {"owner": "Greta Holm", "currency": "EUR"}),
        ),
        WorldTool(
            name="deposit",
            about="Deposit an amount into a bank account.",
            parameters={"account_id": text("Id of the account."), "amount": _AMOUNT},
            required=("account_id", "amount"),
            returns=_ACCOUNT,
            run=_deposit,
            examples=({"account_id": "acc-101", "amount": 120}, {"account_id": "acc-102", "amount": 75.5}),
        ),
        WorldTool(
            name="withdraw",
            about="Withdraw an amount from a bank account. It cannot go below nothing.",
            parameters={"account_id": text("Id of the account."), "amount": _AMOUNT},
            required=("account_id", "amount"),
            returns=_ACCOUNT,
            run=_withdraw,
            examples=({"account_id": "acc-102", "amount": 40}, {"account_id": "acc-101", "amount": 260}),
        ),
        WorldTool(
            name="get_account",
            about="Show a bank account and what is on it.",
            parameters={"account_id": text("Id of the account.")},
            required=("account_id",),
            returns=_ACCOUNT,
            run=lambda state, given: found(state, "accounts", given["account_id"], "account"),
            examples=({"account_id": "acc-101"}, {"account_id": "acc-102"}),
            reads=True,
        ),
        WorldTool(
            name="close_account",
            about="Close a bank account that has nothing on it.",
            parameters={"account_id": text("Id of the account.")},
            required=("account_id",),
            returns={"id": text("Id of the account."), "closed": {"type": "boolean"}},
            run=_close_account,
        ),
    ),
)


def _shop(picks: Picks) -> State:
    products = {}
    for place, (name, price) in enumerate(_GOODS, start=1):
        products[f"p-{place}"] = {"id": f"p-{place}", "name": name, "price": price, "stock": 1 + picks.below(30)}
    return {"products": products, "carts": {}}


def _search(state: State, given: Arguments) -> Any:
    words = str(given["query"]).lower().split()
    hits = [item for item in state["products"].values() if any(word in item["name"].lower() for word in words)]
    return {"count": len(hits), "products": hits}


def _create_cart(state: State, given: Arguments) -> Any:
    key = new_id(state, "cart")
    state["carts"][key] = {"id": key, "customer": given["customer"], "lines": [], "total": 0.0, "ordered": False}
    return state["carts"][key]


def _add_to_cart(state: State, given: Arguments) -> Any:
    cart = found(state, "carts", given["cart_id"], "cart")
    product = found(state, "products", given["product_id"], "product")
    if cart["ordered"]:
        raise Refused(409, f"{cart['id']} was ordered already")
    if given["quantity"] > product["stock"]:
        raise Refused(409, f"only {product['stock']} of {product['name']} are in stock")
    cart["lines"].append({"product_id": product["id"], "name": product["name"], "quantity": given["quantity"]})
    cart["total"] = round(cart["total"] + product["price"] * given["quantity"], 2)
    return cart


def _order(state: State, given: Arguments) -> Any:
    cart = found(state, "carts", given["cart_id"], "cart")
    if not cart["lines"] or cart["ordered"]:
        raise Refused(409, f"{cart['id']} is {'ordered already' if cart['ordered'] else 'empty'}")
    cart["ordered"] = True
    for line in cart["lines"]:
        state["products"][line["product_id"]]["stock"] -= line["quantity"]
    return {"cart_id": cart["id"], "order_id": new_id(state, "ord"), "total": cart["total"]}


SHOP = World(
    name="shop",
    about="A shop with carts",
    start=_shop,
    tools=(
        WorldTool(
            name="search_products",
            about="Search the products of the shop. A word of their name is enough.",
            parameters={"query": text("A word or two.")},
            required=("query",),
            returns={
                "count": whole("How many were found."),
                "products": many({"type": "object", "properties": _PRODUCT}, "What was found."),
            },
            run=_search,
            examples=({"query": "lamp"}, {"query": "kettle"}, {"query": "headphones"}),
            reads=True,
        ),
        WorldTool(
            name="get_product",
            about="Show a product of the shop. The answer has its price and stock.",
            parameters={"product_id": text("Id of the product.")},
            required=("product_id",),
            returns=_PRODUCT,
            run=lambda state, given: found(state, "products", given["product_id"], "product"),
            examples=({"product_id": "p-3"}, {"product_id": "p-5"}),
            reads=True,
        ),
        WorldTool(
            name="create_cart",
            about="Create a cart for a customer of the shop.",
            parameters={"customer": text("Name of the customer.")},
            required=("customer",),
            returns=_CART,
            run=_create_cart,
            examples=({"customer": "Hiro Tanaka"}, {"customer": "Dalia Haddad"}),
        ),
        WorldTool(
            name="add_to_cart",
            about="Put some of a product into a cart of the shop.",
            parameters={
                "cart_id": text("Id of the cart."),
                "product_id": text("Id of the product."),
                "quantity": whole("How many.", minimum=1, maximum=50),
            },
            required=("cart_id", "product_id", "quantity"),
            returns=_CART,
            run=_add_to_cart,
        ),
        WorldTool(
            name="place_order",
            about="Order what is in a cart of the shop.",
            parameters={"cart_id": text("Id of the cart.")},
            required=("cart_id",),
            returns={
                "cart_id": text("Id of the cart."),
                "order_id": text("Id of the order."),
                "total": number("What it costs."),
            },
            run=_order,
        ),
    ),
)

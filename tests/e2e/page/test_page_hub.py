"""The page's hub, which shares one stream among windows, in Node."""

from __future__ import annotations

from tests.e2e.page_script import run

HUB = """
globalThis.fetch = FakeSource.fetch
FakeSource.all = []
const hub = new StreamHub()
const heard = { a: [], b: [] }
const a = hub.subscribe((message) => heard.a.push(message))
const b = hub.subscribe((message) => heard.b.push(message))
const events = (messages) => messages.filter(({ kind }) => kind === "event")
  .map(({ stream, event }) => [stream, event.symbol])
"""


def test_windows_share_one_stream_and_get_only_their_books() -> None:
    found = run(
        HUB
        + """
        a.take({ kind: "want", symbols: ["BTC/USD"] })
        b.take({ kind: "want", symbols: ["ETH/USD", "BTC/USD"] })
        const source = await sourceAfter(0)
        await source.open()
        await source.say({ symbol: "ETH/USD" })
        await source.say({ symbol: "BTC/USD" })
        return [FakeSource.all.length, symbolsOf(source), events(heard.a), events(heard.b)]
        """,
    )
    assert found == [
        1,
        ["BTC/USD", "ETH/USD"],
        [[1, "BTC/USD"]],
        [[1, "ETH/USD"], [1, "BTC/USD"]],
    ]


def test_old_stream_continues_until_fresh_one_is_open() -> None:
    found = run(
        HUB
        + """
        a.take({ kind: "want", symbols: ["BTC/USD"] })
        const first = await sourceAfter(0)
        await first.open()
        b.take({ kind: "want", symbols: ["ETH/USD"] })
        const second = await sourceAfter(1)
        await first.say({ symbol: "BTC/USD" })
        const both = openSources().length
        await second.open()
        return [both, events(heard.a), openSources().length, symbolsOf(second)]
        """,
    )
    assert found == [2, [[1, "BTC/USD"]], 1, ["BTC/USD", "ETH/USD"]]


def test_stream_closes_when_last_window_leaves() -> None:
    found = run(
        HUB
        + """
        a.take({ kind: "want", symbols: ["BTC/USD"] })
        b.take({ kind: "want", symbols: ["BTC/USD"] })
        await (await sourceAfter(0)).open()
        a.take({ kind: "want", symbols: [] })
        const one = openSources().length
        // A closed window sends nothing.
        await wait(30)
        hub.forgetSilent(10)
        hub.again()
        await wait(700)
        return [one, openSources().length]
        """,
    )
    assert found == [1, 0]


def test_refused_stream_is_retried_with_backoff() -> None:
    delays = run(
        HUB
        + """
        Math.random = () => 1
        a.take({ kind: "want", symbols: ["BTC/USD"] })
        const first = await sourceAfter(0)
        await first.open()
        first.lose()
        await sourceAfter(1)
        const delays = []
        for (const count of [2, 3, 4]) {
          FakeSource.all.at(-1).refuse()
          const before = now()
          await sourceAfter(count)
          delays.push(now() - before)
        }
        return [...delays, heard.a.filter(({ kind }) => kind === "interrupted").length]
        """,
    )
    assert delays[1] > delays[0]
    assert delays[2] > delays[1]
    # When the open stream was lost, and when its return was refused.
    assert delays[3] == 2


def test_many_requests_for_fresh_stream_open_one() -> None:
    found = run(
        HUB
        + """
        a.take({ kind: "want", symbols: ["BTC/USD"] })
        b.take({ kind: "want", symbols: ["BTC/USD"] })
        const source = await sourceAfter(0)
        await source.open()
        for (const each of [a, b, a, b]) each.take({ kind: "again" })
        source.write("data: no JSON\\n\\n")
        await (await sourceAfter(1)).open()
        await wait(700)
        return FakeSource.all.length
        """,
    )
    assert found == 2


def test_views_painted_together_show_ages_of_one_moment() -> None:
    script = """
        const { Painter } = await load("parts/painter.js")
        globalThis.requestAnimationFrame = (paint) => setTimeout(paint)
        const painter = new Painter()
        const seen = []
        const view = () => ({ paint() {
            seen.push(now())
            const begun = performance.now()
            while (performance.now() - begun < 2);
        } })
        for (let i = 0; i < 3; i++) painter.soon(view())
        while (seen.length < 3) await new Promise(requestAnimationFrame)
        return [new Set(seen).size, now() > seen[0]]
    """
    assert run(script) == [1, True]

"""What each command does, as a person sees it and as a program reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from memos_core import MemOS

Run = Callable[..., Result]
Ask = Callable[..., Any]


def added(ask: Ask, *arguments: str) -> str:
    """Add a text, and give its id."""
    [cube] = ask("add", *arguments)["written"]
    return cube["id"]


def test_what_was_added_is_found_with_its_date_and_its_reasons(run: Run, ask: Ask) -> None:
    shown = run("add", "I saw the whales yesterday!", "--speaker", "Ana", "--at", "2023-05-08").stdout
    assert "Remembered:" in shown
    assert "I saw the whales yesterday [2023-05-07]!" in shown
    found = run("search", "When", "did", "Ana", "see", "whales?", "--why").stdout
    assert "1  2023-05-08 00:00  Ana" in found
    assert "why: " in found
    [hit] = ask("search", "whales")["hits"]
    assert hit["cube"]["payload"]["text"] == "I saw the whales yesterday!"
    assert hit["score"] == pytest.approx(sum(hit["why"].values()))


def test_claims_are_shown_with_what_holds_of_them(run: Run, ask: Ask) -> None:
    run("add", "I live in Lisbon.", "--speaker", "Ana", "--at", "2021-05-08", "--id", "n1")
    run("add", "I no longer eat pork. We moved to [Porto]!", "--speaker", "Ana", "--at", "2023-05-08", "--id", "n2")
    run("add", "We moved to Porto!", "--speaker", "Ana", "--at", "2023-05-09", "--id", "n3")
    assert (
        "It replaces what an older memory claims"
        in run("add", "I live in Faro.", "--speaker", "Ana", "--at", "2023-06-08", "--id", "n4").stdout
    )
    assert "outdated" in run("search", "Where does Ana live?").stdout
    run("forget", ask("search", "Faro")["hits"][0]["cube"]["id"])
    shown = run("claims").stdout
    assert "Porto" in shown
    assert "not eats" in shown
    assert "Lisbon" not in shown
    assert "outdated" in run("claims", "--all").stdout
    found = {(each["object"], each["status"]) for each in ask("claims", "--all")["claims"]}
    assert found == {("Lisbon", "outdated"), ("pork", "holds"), ("Porto", "holds")}
    assert [each["object"] for each in ask("claims", "--as-of", "2022-01-01")["claims"]] == ["Lisbon"]
    assert "Nothing is claimed" in run("claims", "--as-of", "2020-01-01").stdout


def test_the_same_text_under_the_same_id_is_known_already(run: Run) -> None:
    run("add", "Buy tea", "--id", "n1", "--at", "2025-01-01")
    assert "Known already:" in run("add", "Buy tea", "--id", "n1", "--at", "2025-01-01").stdout
    assert "It replaces" in run("add", "Buy coffee", "--id", "n1", "--at", "2025-01-01").stdout


def test_what_was_forgotten_stays_so_when_it_is_added_again_and_that_is_said(run: Run, ask: Ask) -> None:
    name = added(ask, "Buy tea", "--id", "n1", "--at", "2025-01-01")
    run("forget", name)
    assert "stays archived" in run("add", "Buy tea", "--id", "n1", "--at", "2025-01-01").stdout
    assert ask("search", "tea")["hits"] == []


def test_a_text_can_come_from_stdin(run: Run, ask: Ask) -> None:
    run("add", "-", stdin="Two\nlines\n")
    [cube] = ask("list")["cubes"]
    assert cube["payload"]["text"].strip() == "Two\nlines"


def test_nothing_found_is_said(run: Run, ask: Ask) -> None:
    run("add", "Tea", "--namespace", "bob")
    assert "Nothing was found." in run("search", "tea").stdout
    assert ask("search", "tea")["hits"] == []


def test_context_is_text_for_a_model_and_its_size_goes_to_stderr(run: Run, ask: Ask) -> None:
    run("add", "Mira lives in Delfshaven", "--at", "2025-06-01")
    result = run("context", "Where does Mira live?")
    assert result.stdout.startswith("<memories>")
    assert "| Mira lives in Delfshaven" in result.stdout
    assert "1 memory in" in result.stderr
    found = ask("context", "Where does Mira live?", "--max-tokens", "500")
    assert found["text"] == result.stdout.rstrip("\n")
    assert found["tokens"] <= 500


def test_a_list_comes_in_pages_latest_first(run: Run, ask: Ask) -> None:
    for number in range(3):
        run("add", f"Note {number}")
    page = run("list", "--limit", "2").stdout
    assert page.index("Note 2") < page.index("Note 1")
    assert "There is more: --offset 2" in page
    rest = ask("list", "--limit", "2", "--offset", "2")
    assert [cube["payload"]["text"] for cube in rest["cubes"]] == ["Note 0"]
    assert rest["more"] is False
    assert "Nothing is here." in run("list", "--offset", "9").stdout


def test_a_memory_is_shown_whole(run: Run, ask: Ask) -> None:
    name = added(ask, "Clara moved to Lisbon yesterday", "--at", "2025-03-17", "--session", "s1")
    shown = run("get", name).stdout
    for part in ("Clara moved to Lisbon yesterday [2025-03-16]", "s1", "Lisbon", "yesterday = 2025-03-16", "recalled"):
        assert part in shown
    assert ask("get", name)["id"] == name


def test_the_history_tells_every_change(run: Run, ask: Ask) -> None:
    name = added(ask, "Porto", "--id", "city", "--at", "2025-01-01")
    run("add", "Lisbon", "--id", "city", "--at", "2025-01-01")
    run("forget", name, "--reason", "moved on")
    shown = run("history", name).stdout
    assert shown.index("Porto") < shown.index("Lisbon") < shown.index("archived (moved on)")
    assert len(ask("history", name)["changes"]) == 3


def test_what_is_forgotten_is_no_longer_found_and_can_still_be_listed(run: Run, ask: Ask) -> None:
    name = added(ask, "Old news")
    assert "Archived 1 memory." in run("forget", name, name).stdout
    assert ask("search", "news")["hits"] == []
    [cube] = ask("list", "--state", "archived")["cubes"]
    assert cube["id"] == name


def test_erasing_asks_first_and_leaves_nothing(run: Run, ask: Ask, tmp_path: Path) -> None:
    name = added(ask, "The code is marmalade-7")
    refused = run("forget", name, "--erase", code=1)
    assert "Add --yes" in refused.stderr
    assert ask("get", name)["id"] == name
    assert "nothing of it is left" in run("forget", name, "--erase", "--yes").stdout
    assert b"marmalade-7" not in b"".join(path.read_bytes() for path in tmp_path.glob("memory.db*"))
    assert "erase" in run("history", name).stdout


def test_stats_count_what_is_there(run: Run, ask: Ask) -> None:
    run("add", "One", "--namespace", "acme/ana")
    run("add", "Two")
    assert ask("stats")["by_namespace"] == {"acme/ana": 1, "default": 1}
    assert "1 acme/ana, 1 default" in run("stats").stdout


def test_a_time_and_a_state_of_knowledge_can_be_asked_for(run: Run, ask: Ask) -> None:
    run("add", "Mira moved to Rotterdam", "--at", "2025-05-01")
    assert ask("search", "Mira", "--as-of", "2025-04-01")["hits"] == []
    assert len(ask("search", "Mira", "--as-of", "2025-05-02")["hits"]) == 1
    assert ask("search", "Mira", "--known-at", "2025-06-01")["hits"] == []


def test_namespaces_are_kept_apart_and_cover_those_below(run: Run, ask: Ask) -> None:
    name = added(ask, "Ana's tea", "--namespace", "acme/ana")
    assert ask("search", "tea", "--namespace", "acme/bob")["hits"] == []
    assert len(ask("search", "tea", "--namespace", "acme")["hits"]) == 1
    assert "CubeNotFound" in run("get", name, "--namespace", "acme/bob", "--json", code=1).stderr
    assert "CubeNotFound" in run("forget", name, "--namespace", "acme/bob", "--json", code=1).stderr


def test_upkeep_commands_leave_every_answer_as_it_was(run: Run, ask: Ask, tmp_path: Path) -> None:
    added(ask, "Tea is green")
    before = ask("search", "tea")
    assert "Every index is made anew." in run("rebuild").stdout
    assert "Made vectors for 0 operations." in run("reembed").stdout
    run("backup", "copy.db")
    assert [hit["cube"]["id"] for hit in ask("search", "tea")["hits"]] == [hit["cube"]["id"] for hit in before["hits"]]
    assert (
        ask("search", "tea", "--vault", str(tmp_path / "copy.db"))["hits"][0]["cube"]["payload"]["text"]
        == "Tea is green"
    )


def test_options_may_stand_before_the_command(ask: Ask, run: Run) -> None:
    run("--namespace", "bob", "add", "Tea")
    assert len(ask("--namespace", "bob", "list")["cubes"]) == 1
    assert ask("list")["cubes"] == []


def test_doctor_finds_a_healthy_installation(run: Run, ask: Ask) -> None:
    run("add", "Tea")
    checks = {check["name"]: check for check in ask("doctor")["checks"]}
    assert {"memos", "Python", "SQLite", "sqlite-vec", "model", "vault", "memories", "vectors", "verify"} <= set(checks)
    assert "all-minilm-l6-v2" in checks["model"]["found"].lower()
    assert not [check for check in checks.values() if check["status"] == "wrong"]


def test_doctor_says_what_is_wrong_and_what_mends_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "memory.db").write_bytes(b"no database at all, but long enough to look at" * 30)
    shown = run("doctor", code=1).stdout
    assert "is not a MemOS vault" in shown
    assert "--vault" in shown


def test_the_demo_recalls_what_was_said_and_when(ask: Ask) -> None:
    shown = ask("demo")
    best = {(asked["question"], asked["as_of"]): asked["hits"][0]["source_ids"] for asked in shown["questions"]}
    assert best[("Where does Mira live?", None)] == ["s4-10"]
    assert best[("Where does Mira live?", "2025-03-01")] == ["s2-10"]
    assert best[("When was Jonas's nephew born?", None)] == ["s4-01"]
    assert "source s4-14" in shown["context"]["text"]
    assert "in October [2025-10]" in shown["context"]["text"]
    assert shown["context"]["tokens"] <= 200


def test_the_demo_shows_dates_and_reasons(run: Run) -> None:
    shown = run("demo").stdout
    assert "? Where does Mira live? (as of 2025-03-01)" in shown
    assert "why: " in shown
    assert "<memories>" in shown


def test_a_memory_is_frozen_thawed_revived_and_expired(run: Run, ask: Ask) -> None:
    name = added(ask, "Buy tea", "--id", "n1")
    assert "Frozen: 1 memory." in run("freeze", name, "--reason", "legal hold").stdout
    assert "cannot be forgotten. Thaw it first" in run("forget", name, code=1).stderr
    assert "legal hold" in run("history", name).stdout
    run("thaw", name)
    run("forget", name)
    assert "Revived" in run("revive", name).stdout
    [cube] = ask("expire", name)["cubes"]
    assert (cube["state"], cube["moved_by"]) == ("expired", "expire")


def test_a_lifespan_is_set_and_shown(run: Run, ask: Ask) -> None:
    name = added(ask, "Buy tea", "--id", "n1")
    assert (
        "fades with exponent 0.5, and has priority 2"
        in run("lifespan", name, "--decay", "0.5", "--priority", "2").stdout
    )
    assert ask("lifespan", name, "--for", "30d")["cube"]["governance"]["expires_at"]
    assert "never expires, does not fade" in run("lifespan", name).stdout
    assert "not a duration" in run("lifespan", name, "--for", "soon", code=1).stderr


def test_conclusions_show_what_they_rest_on_and_what_would_fall(run: Run, ask: Ask) -> None:
    bridge, train = added(ask, "The bridge is open.", "--id", "n1"), added(ask, "The train is late.", "--id", "n2")
    way = ask("derive", "The short way is open.", "-b", bridge)["cube"]["id"]
    leave = ask("derive", "Leave at nine.", "--because", way, "--tag", "plan")["cube"]["id"]
    assert ask("derive", "Leave at nine.", "--because", train)["cube"]["id"] == leave
    assert [each["standing"] for each in ask("impact", bridge)["impact"]] == ["fallen", "stale"]
    assert "stale" in run("impact", bridge).stdout
    run("forget", bridge)
    drawn = run("why", leave).stdout
    assert drawn.count("either because") == 2
    assert "The bridge is open.  archived, no longer so" in drawn
    assert ask("why", leave)["standing"] == "stale"
    assert "Nothing rests on it alone." in run("impact", leave).stdout
    run("forget", "--erase", "--yes", bridge)
    assert "erased" in run("why", leave).stdout
    assert "There is no memory" in run("derive", "x", "--because", "nothing", code=1).stderr


def test_a_rule_is_remembered_and_shown(run: Run, ask: Ask) -> None:
    assert 'If "lives in" changes' in run("rule", "lives in", "--tag", "local").stdout
    assert "would mean every memory" in run("rule", "lives in", code=1).stderr
    assert ask("rule", "lives in", "--kind", "fact", "--effect", "fallen")["cube"]["metadata"]["rule"]["kinds"] == [
        "fact"
    ]


def test_who_may_do_what_is_granted_shown_and_revoked(run: Run, ask: Ask) -> None:
    added(ask, "The fox is red.", "-n", "acme/ana")
    shown = run("grant", "agent:bot", "contributor", "-n", "acme/ana").stdout
    assert "agent:bot" in shown
    assert "no end" in shown
    run("grant", "user:bob", "reader", "-n", "acme", "--kind", "fact", "--until", "2030-01-01", "--max-trust", "tool")
    assert [each["principal"] for each in ask("grants")["grants"]] == ["agent:bot", "user:bob"]
    assert "2030-01-01" in run("grants", "-n", "acme").stdout
    assert "Revoked: user:bob reader" in run("revoke", "user:bob", "-n", "acme").stdout
    assert "has no grant" in run("revoke", "user:bob", "-n", "acme", code=1).stderr
    assert "is no principal" in run("grant", "bob", "reader", code=1).stderr
    run("revoke", "agent:bot", "-n", "acme/ana")
    assert "Nobody but the vault's owner" in run("grants").stdout


def test_suggestions_wait_until_they_are_judged(run: Run, ask: Ask, tmp_path: Path) -> None:
    added(ask, "The owl is white.")
    run("grant", "agent:bot", "contributor")
    with MemOS.open(tmp_path / "memory.db") as memos:
        names = [memos.as_principal("agent:bot").add(text, namespace="default").ids[0] for text in ("Yes.", "No.")]
    assert "Yes." in run("pending").stdout
    assert "Accepted: 1 memory." in run("accept", names[0]).stdout
    assert "Rejected: 1 memory." in run("reject", names[1], "--reason", "untrue").stdout
    assert "Nothing waits." in run("pending").stdout
    assert {cube["payload"]["text"] for cube in ask("list")["cubes"]} == {"The owl is white.", "Yes."}


def test_the_audit_log_is_shown_by_what_is_asked_for(run: Run, ask: Ask) -> None:
    name = added(ask, "The fox is red.", "-n", "acme/ana")
    run("forget", name, "--erase", "--yes")
    actions = [entry["action"] for entry in ask("audit", "--cube", name)["entries"]]
    assert actions == ["erase", "add"]
    shown = run("audit", "-n", "acme", "--action", "erase", "--principal", "owner", "--since", "2020-01-01").stdout
    assert "erase" in shown
    assert "fox" not in shown
    assert "Nothing is recorded." in run("audit", "--until", "2020-01-01").stdout


def test_memories_are_made_what_they_were(run: Run, ask: Ask) -> None:
    fox = added(ask, "The fox is red.")
    assert "before, of default" in run("snapshot", "before").stdout
    run("forget", fox)
    added(ask, "The owl is white.")
    assert "The fox is red. (generated -> archived)" in run("diff", "before").stdout
    assert "2 memories." in run("restore", "before", "--dry-run").stdout
    assert "--yes" in run("restore", "before", code=1).stderr
    assert ask("log")["changes"][0]["content"]["payload"]["text"] == "The owl is white."
    assert "The fox is red. (archived -> generated)" in run("restore", "before", "--yes").stdout
    assert [cube["payload"]["text"] for cube in ask("list")["cubes"]] == ["The fox is red."]
    assert "as it was then" in run("restore", "before", "--yes").stdout
    assert "restored to before" in run("log").stdout
    assert len(ask("log", "--limit", "2", "--since", "2020-01-01")["changes"]) == 2
    assert "Nothing has happened." in run("log", "--until", "2020-01-01").stdout
    assert "no snapshot 'after'" in run("restore", "after", code=1).stderr
    assert "give one of them" in run("log", "--all", "-n", "default", code=1).stderr
    assert [each["name"] for each in ask("snapshots")["snapshots"]] == ["before"]
    assert "There is none." in run("snapshots", "-n", "nobody").stdout


def test_one_memory_is_made_what_it_was(run: Run, ask: Ask) -> None:
    fox, owl = added(ask, "The fox is red."), added(ask, "The owl is white.")
    run("snapshot", "before", "--all")
    run("forget", fox, owl)
    assert len(ask("restore", "before", "--cube", fox, "--yes")["contrasts"]) == 1
    assert [cube["id"] for cube in ask("list")["cubes"]] == [fox]
    assert "1 memory." in run("restore", "before", "--all", "--dry-run").stdout


def test_what_came_from_a_source_is_undone(run: Run, ask: Ask) -> None:
    run("add", "The fox is red.", "--id", "m1")
    run("add", "The owl is white.", "--id", "m2")
    assert "The fox is red. (generated -> archived)" in run("undo", "--source", "m1", "--dry-run").stdout
    assert "--yes" in run("undo", "--source", "m1", code=1).stderr
    assert ask("undo", "--source", "m1", "--yes")["done"] is True
    assert [cube["payload"]["text"] for cube in ask("list")["cubes"]] == ["The owl is white."]
    assert "Nothing is from there." in run("undo", "--source", "m1", "--yes").stdout
    assert "source_id" in run("undo", code=1).stderr


def test_a_fork_is_a_vault_of_its_own(run: Run, ask: Ask) -> None:
    added(ask, "The fox is red.")
    run("snapshot", "before")
    added(ask, "The owl is white.")
    assert "with 1 operation." in run("fork", "old.db", "--to", "before").stdout
    assert [cube["payload"]["text"] for cube in ask("list", "--vault", "old.db")["cubes"]] == ["The fox is red."]
    assert "is there already" in run("fork", "old.db", code=1).stderr


def test_the_scheduler_shows_what_it_would_do_and_does_it_when_told(run: Run, ask: Ask) -> None:
    fox = added(ask, "The fox is red.")
    run("lifespan", fox, "--until", "2020-01-01")
    shown = run("scheduler").stdout
    assert "its time ended at 2020-01-01" in shown
    assert "2 decisions, and nothing done." in shown
    assert [each["outcome"] for each in ask("scheduler")["decisions"]] == ["planned", "planned"]
    assert "done: all is well" in run("scheduler", "--run").stdout
    assert ask("get", fox)["state"] == "expired"
    assert "There is nothing to do." in run("scheduler", "--run").stdout
    assert "leave one out" in run("scheduler", "--watch", "5", "--json", code=1).stderr


def test_a_policy_is_set_and_shown_and_holds(run: Run, ask: Ask) -> None:
    assert "card: refuse; default: tag" in run("policy", "card: refuse", "-n", "acme").stdout
    assert ask("policy", "-n", "acme/ana")["policy"] == "card: refuse; default: tag"
    assert run("policy", "-n", "other").stdout.strip() == "default: tag"
    refused = run("add", "Pay with 4111 1111 1111 1111", "-n", "acme/ana", code=1).stderr
    assert "holds card" in refused
    assert "4111" not in refused
    assert "'hide' is not understood; known are keep, tag" in run("policy", "card: hide", code=1).stderr
    tagged = ask("add", "Write to ana@example.com")["written"][0]["id"]
    assert "sensitive  email" in " ".join(run("get", tagged).stdout.split()).replace(
        "sensitive email", "sensitive  email"
    )


def test_where_a_memory_comes_from_and_how_it_may_be_used_is_shown(run: Run, ask: Ask, tmp_path: Path) -> None:
    ground = added(ask, "The fox is red.")
    conclusion = ask("derive", "The fox is warm.", "--because", ground)["cube"]["id"]
    with MemOS.open(tmp_path / "memory.db") as memos:
        memos.set_rights(conclusion, licence="CC-BY-4.0", watermark="fox school 17")
    shown = " ".join(run("get", conclusion).stdout.split())
    assert "rests on 1 memory" in shown
    assert "licence CC-BY-4.0" in shown
    assert "watermark fox school 17" in shown
    assert "written by cli" in " ".join(run("get", ground).stdout.split())


def test_a_pipeline_shows_what_it_would_do_and_does_it_when_told(run: Run, ask: Ask) -> None:
    added(ask, "The code of the boathouse is 4711.")
    added(ask, "The owl is white.")
    steps = ("redact=[0-9]+", "tag=reviewed", "transfer=club")
    assert "is [redacted]." in run("pipeline", *steps, "--dry-run").stdout
    assert "--yes" in run("pipeline", *steps, code=1).stderr
    assert len(ask("list")["cubes"]) == 2
    assert ask("pipeline", *steps, "--yes")["done"] is True
    moved = ask("list", "-n", "club")["cubes"]
    assert {cube["payload"]["text"] for cube in moved} == {
        "The code of the boathouse is [redacted].",
        "The owl is white.",
    }
    assert all(cube["tags"] == ["reviewed"] for cube in moved)
    assert "new" in run("pipeline", "summarise=20", "-n", "club", "--yes").stdout
    assert "gone" in run("pipeline", "purge", "-n", "club", "--yes").stdout
    assert "Nothing changes." in run("pipeline", "purge", "-n", "club", "--yes").stdout


@pytest.mark.parametrize(
    "step", ["shred", "tag", "purge=all", "summarise=", "summarise=many", "redact=(", "transfer=/"]
)
def test_a_step_that_is_none_is_refused(run: Run, ask: Ask, step: str) -> None:
    added(ask, "The owl is white.")
    assert "Error" in run("pipeline", step, "--yes", code=1).stderr
    assert len(ask("list")["cubes"]) == 1


def test_rights_are_said_and_taken_back(run: Run, ask: Ask) -> None:
    fox = added(ask, "The fox is red.")
    assert ask("rights", fox, "--licence", "MIT")["cube"]["governance"]["licence"] == "MIT"
    assert "licence MIT" in " ".join(run("get", fox).stdout.split())
    assert ask("rights", fox, "--licence", "")["cube"]["governance"]["licence"] is None
    assert "There is no memory" in run("rights", fox, "-n", "other", code=1).stderr


def test_the_working_memory_of_a_conversation_comes_first(run: Run, ask: Ask, tmp_path: Path) -> None:
    added(ask, "Ana is allergic to nuts.")
    run("add", "What should we cook for Ana?", "--session", "supper")
    run("scheduler", "--run")
    in_mind = ask("context", "the weather", "--conversation", "supper")["hits"][0]
    assert in_mind["why"] == {"working": 1.0}


def test_memories_travel_in_a_package(run: Run, ask: Ask, tmp_path: Path) -> None:
    fox = added(ask, "The fox is red.")
    added(ask, "Write to ana@example.com.")
    shown = run("export", "p.memcube", "--sensitive", "leave out").stdout
    assert "1 memory in 1 operation" in shown
    assert "Left out: 1 sensitive memories." in shown
    asked = ask("export", "q.memcube", "--query", "fox", "--limit", "1", "--kind", "episode")["manifest"]
    assert (asked["cubes"], asked["left_out"]) == (1, {"memories that were not asked for": 1})
    assert ask("export", "r.memcube", "--all", "--since", "q.memcube")["manifest"]["operations"] == 0
    assert "1 memory new." in run("load", "p.memcube", "--vault", "b.db").stdout
    assert "Nothing new." in run("merge", "p.memcube", "--vault", "b.db").stdout
    assert [cube["id"] for cube in ask("list", "--vault", "b.db")["cubes"]] == [fox]
    copied = ask("load", "p.memcube", "--copies", "-n", "from-ana", "--vault", "b.db")["merged"]["new"]
    assert ask("get", *copied, "--vault", "b.db")["governance"]["trust"] == "third_party"
    run("forget", fox)
    assert "1 memory changed." in run("sync", "memory.db", "b.db").stdout
    assert "is no sound package" in run("load", "memory.db", code=1).stderr
    assert "--all means" in run("export", "s.memcube", "--all", "-n", "a", code=1).stderr
    assert "there already" in run("export", "p.memcube", code=1).stderr


def test_keys_are_made_shown_and_used(run: Run, ask: Ask, tmp_path: Path) -> None:
    added(ask, "The fox is vermilion.")
    public = run("key", "new", "me.pem").stdout.strip()
    assert run("key", "show", "me.pem").stdout.strip() == public
    age = ask("key", "new", "me.age", "--age")["public"]
    assert ask("key", "show", "me.age")["public"] == age
    assert f"Signed by {public}." in run("export", "p", "--key", "me.pem", "--to", age).stdout
    assert b"vermilion" not in (tmp_path / "p").read_bytes()
    assert "is encrypted" in run("load", "p", "--vault", "b.db", code=1).stderr
    assert "1 memory new." in run("load", "p", "--vault", "b.db", "-i", "me.age").stdout
    run("key", "new", "locked.pem", "--passphrase", stdin="sesame\nsesame\n")
    assert "passphrase is wrong" in run("export", "q", "--key", "locked.pem", stdin="other\n", code=1).stderr
    run("export", "q", "--key", "locked.pem", stdin="sesame\n")
    assert "never overwritten" in run("key", "new", "me.pem", code=1).stderr
    assert "holds no secret key" in run("load", "p", "--vault", "b.db", "-i", "me.pem", code=1).stderr
    assert "cannot be read" in run("key", "show", "none.pem", code=1).stderr


def test_a_memory_is_rolled_back_and_a_contradiction_settled(run: Run, ask: Ask) -> None:
    [fox] = ask("add", "The fox is red.", "--id", "m1")["written"]
    run("add", "The fox is grey.", "--id", "m1")
    assert "The fox is red." in run("rollback", fox["id"], fox["version"]).stdout
    assert "has no version" in run("rollback", fox["id"], "0" * 64, code=1).stderr
    assert "There is no memory" in run("rollback", fox["id"], fox["version"], "-n", "other", code=1).stderr
    assert "Nothing contradicts anything." in run("conflicts").stdout
    for city in ("Rome", "Oslo"):
        run("add", f"I live in {city}.", "--speaker", "Ana", "--at", "2024-01-01")
    rome, oslo = ask("conflicts")["conflicts"]
    assert "2 memories. `memos resolve ID` settles one." in run("conflicts").stdout
    assert "This holds now:" in run("resolve", oslo["id"]).stdout
    assert ask("conflicts")["conflicts"] == []
    assert rome["id"] not in {cube["id"] for cube in ask("list")["cubes"]}


def test_a_grant_is_limited_to_memories_with_some_metadata(run: Run, ask: Ask) -> None:
    given = ask("grant", "agent:bot", "reader", "--where", "project=apollo", "--where", "level=3", "-n", "acme")[
        "grant"
    ]
    assert [(each["key"], each["value"]) for each in given["where"]] == [("project", "apollo"), ("level", 3)]
    assert 'project: "apollo", level: 3' in run("grants").stdout
    assert "KEY=VALUE" in run("grant", "agent:bot", "reader", "--where", "apollo", code=1).stderr


def test_any_limit_of_the_scheduler_can_be_set(run: Run, ask: Ask) -> None:
    added(ask, "The fox is red.")
    found = run("scheduler", "--limit", "scrub_every=0d", "--limit", "labels=a,b", "--limit", "fading=-3.5").stdout
    assert "checksums" in found
    for wrong in ("nope=1", "idle=x", "calls=many", "calls=-1", "seconds=nan", "working_by=fifo"):
        assert "Error" in run("scheduler", "--limit", wrong, code=1).stderr

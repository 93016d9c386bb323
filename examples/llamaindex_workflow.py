"""A LlamaIndex workflow whose steps recall, answer and remember. Run it: python examples/llamaindex_workflow.py.

Workflows are what LlamaIndex has in the place of its former query pipelines. The example needs no key: a model that
repeats what it is shown stands in for a real one.
"""

import asyncio
import tempfile
import warnings
from pathlib import Path

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms import LLM, MockLLM
from llama_index.core.schema import NodeWithScore
from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step

from memos_core import MemOS
from memos_llamaindex import MemOSMemory, MemOSRetriever

warnings.filterwarnings("ignore", module="pydantic|inspect|workflows")  # LlamaIndex's workflows cause them

PROMPT = "What is known:\n{known}\nQuestion: {question}"


class Recalled(Event):
    """What the memory has on a question."""

    question: str
    found: list[NodeWithScore]


class Answered(Event):
    """What the model makes of it."""

    question: str
    answer: str


class Assistant(Workflow):
    """Recall, answer, remember."""

    def __init__(self, memos: MemOS, *, namespace: str, llm: LLM) -> None:
        super().__init__(timeout=60)
        self.retriever = MemOSRetriever(memos, namespace=namespace, similarity_top_k=2)
        self.memory = MemOSMemory.from_defaults(memos, namespace=namespace)
        self.llm = llm

    @step
    async def recall(self, event: StartEvent) -> Recalled:
        return Recalled(question=event.question, found=await self.retriever.aretrieve(event.question))

    @step
    async def answer(self, context: Context, event: Recalled) -> Answered:
        known = "\n".join(f"- {each.metadata['said_at'][:10]}: {each.text}" for each in event.found) or "- nothing"
        reply = await self.llm.acomplete(PROMPT.format(known=known, question=event.question))
        context.write_event_to_stream(event)
        return Answered(question=event.question, answer=str(reply))

    @step
    async def remember(self, event: Answered) -> StopEvent:
        await self.memory.aput_messages([ChatMessage(event.question), ChatMessage(event.answer, role="assistant")])
        return StopEvent(result=event.answer)


async def main(path: Path) -> None:
    with MemOS.open(path) as memos:
        memos.add("My sister Clara moved to Lisbon last year.", namespace="ana")
        assistant = Assistant(memos, namespace="ana", llm=MockLLM())  # or your model
        running = assistant.run(question="Which city does my sister live in?")
        async for event in running.stream_events():
            if isinstance(event, Recalled):
                print("recalled:", *(each.text for each in event.found))
        print("The model is shown, and repeats:")
        print(await running)
        print("In the memory now:", memos.count(namespace="ana"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "memory.db"))

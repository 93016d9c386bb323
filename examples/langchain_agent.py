"""A LangChain agent that remembers across two runs. Run it: python examples/langchain_agent.py [memory.db].

It needs no key: a scripted model stands in for a real one, and a callback prints what that model is shown. With a real
one, pass its name instead: create_agent("openai:gpt-5", ...).
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage

from memos_core import MemOS
from memos_langchain import MemOSMiddleware


class Eavesdropper(BaseCallbackHandler):
    """Prints what the model is shown."""

    def on_chat_model_start(self, serialized: Any, messages: list[list[BaseMessage]], **kwargs: Any) -> None:  # noqa: ARG002
        for message in messages[0]:
            print(f"  {message.type}: {message.text}")


def run(path: Path, question: str, answer: str) -> None:
    """One run of the program: open the memory, ask the agent once, close."""
    with MemOS.open(path) as memos:
        agent = create_agent(
            GenericFakeChatModel(messages=iter([AIMessage(answer)])),
            system_prompt="You help Ana.",
            middleware=[MemOSMiddleware(memos, namespace="ana")],
        )
        print("The model is shown:")
        agent.invoke({"messages": [("user", question)]}, config={"callbacks": [Eavesdropper()]})
        print(f"and says: {answer}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        vault = Path(sys.argv[1] if sys.argv[1:] else f"{folder}/memory.db")
        run(vault, "My sister Clara moved to Lisbon last year.", "How nice! I will remember that.")
        run(vault, "Which city should I fly to if I want to see my sister?", "Lisbon: Clara lives there.")

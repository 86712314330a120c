"""The few requests to GitHub's API that a pipeline makes; every answer is read within bounds."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import urllib3

from handrail.core.errors import HandrailError, Problem

_TIMEOUT: Final = urllib3.Timeout(connect=5, read=30)
_RETRIES: Final = urllib3.Retry(3, backoff_factor=0.5, status_forcelist=(502, 503, 504), allowed_methods=("GET",))
_PAGES: Final = 30  # of a hundred: GitHub lists no more files of a pull request
_MOST: Final = 5 * 1024**2


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the forge has it.

    Args:
        number: its number.
        url: its page.
        author: whose it is, by login.
        head, base: the commits it leads from and to.
        head_repository: `owner/name`, another one where it comes from a fork.
    """

    number: int
    url: str
    author: str
    head: str
    base: str
    head_repository: str


@dataclass(frozen=True, slots=True)
class GitHub:
    """One repository of a GitHub.

    Args:
        api: the address of its REST API.
        repository: `owner/name`.
        token: a token that may read it, and write what is asked for.
    """

    api: str
    repository: str
    token: str

    @classmethod
    def of_job(cls) -> GitHub:
        """The repository of the job that this runs in; raises HandrailError where it is in none."""
        names = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            remedy = "run it in a job of GitHub Actions, with GITHUB_TOKEN: ${{ github.token }} in its env"
            raise HandrailError(Problem(f"{', '.join(missing)} not set", remedy=remedy))
        return cls(*(os.environ[name] for name in names))

    def pull_request(self, sha: str, owner: str, branch: str) -> PullRequest | None:
        """The open pull request whose newest commit is `sha`; None where it has moved on, or is closed.

        Args:
            sha: the commit that was built.
            owner, branch: where it was pushed to, as the event says.
        """
        head = quote(f"{owner}:{branch}", safe="")
        for found in self._list(f"pulls?state=open&head={head}"):
            if found["head"]["sha"] == sha:
                return PullRequest(
                    int(found["number"]), str(found["html_url"]), str(found["user"]["login"]), sha,
                    str(found["base"]["sha"]), str((found["head"].get("repo") or {}).get("full_name") or ""),
                )  # fmt: skip
        return None

    def comment(self, number: int, marker: str, body: str) -> str:
        """Write the one comment that begins with `marker`: the token's own is changed in place, else one is made.

        Returns:
            the comment's page.
        """
        mine = (each for each in self._list(f"issues/{number}/comments?") if self._is_mine(each, marker))
        found = next(mine, None)
        if found:
            answer = self._request("PATCH", f"issues/comments/{int(found['id'])}", {"body": body})
        else:
            answer = self._request("POST", f"issues/{number}/comments", {"body": body})
        return str(answer["html_url"])

    def _is_mine(self, comment: Mapping[str, Any], marker: str) -> bool:
        """Whether a job wrote it: anybody may begin a comment with the marker."""
        return str(comment.get("body") or "").startswith(marker) and comment["user"]["type"] == "Bot"

    def reviews(self, number: int) -> list[tuple[str, str, str]]:
        """Each review in its order: who, by login, what (APPROVED, CHANGES_REQUESTED…), and of which commit."""
        return [
            (str((each.get("user") or {}).get("login") or ""), str(each["state"]), str(each.get("commit_id") or ""))
            for each in self._list(f"pulls/{number}/reviews?")
        ]

    def files(self, number: int) -> list[str]:
        """The files that a pull request changes, adds, removes or renames, by their old and new names."""
        names: dict[str, None] = {}
        for each in self._list(f"pulls/{number}/files?"):
            names |= dict.fromkeys(str(each[key]) for key in ("filename", "previous_filename") if each.get(key))
        return list(names)

    def text(self, path: str, commit: str) -> bytes | None:
        """A file in a commit of the repository's, a fork's included; None where there is none."""
        try:
            found = self._request("GET", f"contents/{quote(path)}?ref={quote(commit, safe='')}")
        except _MissingError:
            return None
        return base64.b64decode(found["content"])

    def status(self, sha: str, context: str, state: str, description: str, url: str) -> None:
        """Set a commit's status: `state` is success, failure, pending or error."""
        body = {"context": context, "state": state, "description": description[:140], "target_url": url}
        self._request("POST", f"statuses/{quote(sha)}", body)

    def _list(self, path: str) -> Iterator[Any]:
        for page in range(1, _PAGES + 1):
            found = self._request("GET", f"{path}&per_page=100&page={page}")
            yield from found
            if len(found) < 100:
                return

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {
            "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28",
            "Authorization": f"Bearer {self.token}", "User-Agent": "handrail",
        }  # fmt: skip
        address = f"{self.api}/repos/{self.repository}/{path}"
        content = json.dumps(body).encode() if body is not None else None
        try:
            with urllib3.PoolManager(retries=_RETRIES, timeout=_TIMEOUT) as pool:
                answer = pool.request(method, address, headers=headers, body=content, preload_content=False)
                data = answer.read(_MOST + 1)
        except urllib3.exceptions.HTTPError as error:
            raise HandrailError(Problem(f"{self.api} does not answer", given=str(error))) from None
        what = f"{method} {path.partition('?')[0]}"
        if answer.status == 404 and method == "GET":
            raise _MissingError(Problem(f"{self.repository} has no {what}"))
        if answer.status >= 400:
            raise HandrailError(
                Problem(
                    f"{self.api} refuses {what}: {answer.status}", given=data[:300].decode("utf-8", "replace"),
                    remedy="give the job's token the permissions that the workflow of `handrail init` names",
                )
            )  # fmt: skip
        if len(data) > _MOST:
            raise HandrailError(Problem(f"{self.api} answers more than {_MOST // 1024**2} MiB to {what}"))
        return json.loads(data) if data else None


class _MissingError(HandrailError):
    """There is nothing of that name."""

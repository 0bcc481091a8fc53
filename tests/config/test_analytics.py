"""The ``analytics:`` section: what is wrong with it is told with its line."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.config import schema
from gramex_twisted.config.analytics import Analytics, Aws, Slack, Webhook
from gramex_twisted.config.masking import MASK, masked
from gramex_twisted.registry import Registry

TOPIC = "arn:aws:sns:eu-west-1:123456789012:usage"


class AnalyticsTests(SynchronousTestCase):
    def load(self, text: str) -> schema.Config:
        path = Path(self.mktemp()).absolute()
        path.mkdir()
        (path / "gramex.yaml").write_text(dedent(text))
        return schema.load(path / "gramex.yaml", Registry())

    def errors(self, text: str) -> list[str]:
        with self.assertRaises(ExceptionGroup) as caught:
            self.load(text)
        texts = map(str, caught.exception.exceptions)
        return sorted(text[text.index("gramex.yaml") :] for text in texts)

    def test_mistakes_are_told_with_their_place(self) -> None:
        text = """\
            analytics:
              interval: 0
              ga4: {measurement_id: G-1}
              webhook:
              - url: ftp://x
              - {}
              slakc: {url: 'http://x'}
              aws: {key: k, secret: s, stream: x}
            """
        self.assertEqual(
            self.errors(text),
            [
                "gramex.yaml:2:3: analytics.interval: must be more than 0, not 0",
                "gramex.yaml:3:3: analytics.ga4: 'api_secret' is missing",
                "gramex.yaml:5:5: analytics.webhook[0].url: must be a URL of http or https, not 'ftp://x'",
                "gramex.yaml:6:5: analytics.webhook[1]: 'url' is missing",
                "gramex.yaml:7:3: analytics: unknown key 'slakc'; did you mean 'slack'?",
                "gramex.yaml:8:3: analytics.aws: stream: needs region:",
            ],
        )

    def test_names_are_ascii(self) -> None:
        text = """\
            analytics:
              ga4: {measurement_id: G-é, api_secret: s}
              aws:
              - {key: k, secret: s, region: x, stream: %s}
              - {key: k, secret: s, topic: 'arn:aws:sns:eu-west-1:١:usage'}
            """
        places = [error.partition(": must")[0] for error in self.errors(text % ("a.b_-" * 13))]
        self.assertEqual(
            places,
            [
                "gramex.yaml:2:9: analytics.ga4.measurement_id",
                "gramex.yaml:4:36: analytics.aws[0].stream",
                "gramex.yaml:5:25: analytics.aws[1].topic",
            ],
        )
        stream = ("a.b_-" * 13)[:64]
        self.assertEqual(
            Aws.model_validate({"key": "k", "secret": "s", "region": "x", "stream": stream}).stream, stream
        )

    def test_a_misspelt_key_of_a_channel_is_told(self) -> None:
        told = "gramex.yaml:1:21: analytics.slack: unknown key 'ulr'; did you mean 'url'?"
        self.assertIn(told, self.errors("analytics: {slack: {ulr: 'http://x'}}"))

    def test_a_channel_or_a_list_of_them_is_written(self) -> None:
        one = Analytics.model_validate(
            {"slack": {"url": "http://x"}, "aws": {"topic": TOPIC, "key": "k", "secret": "s"}}
        )
        self.assertEqual([name for name, _ in one.channels], ["analytics.slack", "analytics.aws"])
        two = Analytics.model_validate({"webhook": [{"url": "http://x"}, {"url": "http://y"}]})
        self.assertEqual(
            two.channels,
            (("analytics.webhook.0", Webhook(url="http://x")), ("analytics.webhook.1", Webhook(url="http://y"))),
        )
        self.assertEqual(two.model_copy(update={"enabled": False}).channels, ())

    def test_slack_is_not_told_of_each_call(self) -> None:
        self.assertEqual((Slack(url="http://x").page_views, Webhook(url="http://x").page_views), (False, True))

    def test_the_region_is_that_of_the_topic_unless_it_is_written(self) -> None:
        self.assertEqual(Aws(topic=TOPIC, key="k", secret="s").place, "eu-west-1")
        self.assertEqual(Aws(topic=TOPIC, key="k", secret="s", region="us-east-1").place, "us-east-1")

    def test_secrets_are_not_shown(self) -> None:
        config = self.load(
            """\
            analytics:
              salt: very salty text
              ga4: {measurement_id: G-1, api_secret: s3cret}
              slack: {url: 'https://hooks.slack.com/services/T000/B000/XXXX'}
              webhook: {url: 'http://x/', headers: {Authorization: Bearer s3cret}}
            sentry: {dsn: 'https://s3cret@example.org/1'}
            """
        )
        shown = masked(config, config.tree)
        self.assertNotIn("s3cret", str(shown))
        self.assertNotIn("XXXX", str(shown))
        self.assertEqual(shown["analytics"]["salt"], MASK)

"""alert: from gramex.yaml to the mails, which a stub keeps; and what cannot be mailed."""

from __future__ import annotations

import sys
from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any, cast

from twisted.logger import globalLogPublisher

from gramex_twisted.services.alerts.alert import DataError
from gramex_twisted.services.alerts.service import Alerts
from gramex_twisted.services.emails import Emails
from gramex_twisted.services.scheduler.service import Scheduler
from gramex_twisted.services.templates import TemplateError
from gramex_twisted.testing import AppTestCase

SALES = "city,sales,manager\nOslo,5,ada@example.org\nRome & Pisa,7,bob@example.org\nBonn,9,nobody\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
MODULE = """
calls = []

def high(sales):
    return sales[sales.sales > 6]

def fail(*args):
    raise ZeroDivisionError("no sales")

async def later(data):
    return True

def callback(**mail):
    calls.append(mail)
"""


class AlertCase(AppTestCase):
    files = {"sales.csv": SALES, "logo.png": PNG, "reports.py": MODULE, "part.html": "<i>{{ row }}</i>",
             "letter.html": "<p>{{ data.sales.sum() }} {{ args }} {% include part.html %}"}  # fmt: skip

    def setUp(self) -> None:
        super().setUp()
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def observe(self, event: Any) -> None:
        if "alert" in str(event.get("log_namespace", "")):
            self.lines.append(event["log_format"].format(**event))

    def alerts(self, text: str, more: str = "") -> Alerts:
        """Those of an app with this ``alert:`` section."""
        mail = "email:\n  first: {type: stub, email: app@example.org}\n  second: {type: stub, email: two@example.org}\n"
        self.app = self.make_app(f"{mail}{more}alert:\n{text}")
        return self.app.gramex.shared.part(Alerts)

    def run_alert(self, text: str, **options: Any) -> dict[str, Any]:
        """What the alert ``a`` says that it has done."""
        result: dict[str, Any] = self.successResultOf(self.alerts(text)["a"].run(**options))
        return result

    @property
    def mails(self) -> list[EmailMessage]:
        """What was sent."""
        stubs = self.app.gramex.shared.part(Emails).stubs
        return [cast(EmailMessage, message_from_string(stub["msg"], policy=policy.default)) for stub in stubs]

    def errors_of(self, text: str) -> list[str]:
        """What is wrong with it, with lines."""
        self.alerts(text)
        return [str(error).partition("gramex.yaml:")[2] for error in self.app.gramex.errors]


class MailTests(AlertCase):
    def test_one_mail_with_all_that_it_can_have(self) -> None:
        result = self.run_alert("""
  a:
    service: second
    to: ada@example.org
    cc: [bob@example.org, '{{ args["cc"] }}']
    reply_to: office@example.org
    subject: Sales & more of {{ args["who"] }}
    body: Dear <{{ args["who"] }}>
    html: <b>{{ args["who"] }}</b>{{ config["subject"] }}
    images: {logo: logo.png}
    attachments: ['{{ args["file"] }}']
""", args={"cc": "c@example.org", "who": "A&B", "file": "sales.csv"})  # fmt: skip
        self.assertEqual((len(result["done"]), result["fail"]), (1, []))
        [mail] = self.mails
        self.assertEqual((str(mail["To"]), str(mail["Cc"]), str(mail["From"]), str(mail["Reply-To"])),
                         ("ada@example.org", "bob@example.org, c@example.org", "two@example.org",
                          "office@example.org"))  # fmt: skip
        self.assertEqual(str(mail["Subject"]), "Sales & more of A&B")
        plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert plain is not None
        assert html is not None
        self.assertEqual(plain.get_content(), "Dear <A&B>\n")
        self.assertIn("<b>A&amp;B</b>Sales &amp; more of {{", html.get_content())
        self.assertEqual([part.get_content() for part in mail.iter_attachments()], [SALES])
        self.assertIn('"alert":"a","service":"second"', self.lines[-1])

    def test_one_mail_for_each_row_of_a_table(self) -> None:
        result = self.run_alert("""
  a:
    data: {sales: sales.csv}
    each: sales
    to: '{{ row["manager"] }}'
    subject: '{{ index }} {{ row["city"] }} of {{ len(sales) }}'
""")
        self.assertEqual([mail["Subject"] for mail in self.mails], ["0 Oslo of 3", "1 Rome & Pisa of 3"])
        [failed] = result["fail"]
        self.assertEqual((failed["index"], str(failed["error"])), (2, "to: 'nobody' is no mail address"))
        self.assertIn("alert.a: mail 2 is not sent: to: 'nobody' is no mail address", self.lines)

    def test_each_of_a_list_and_of_a_mapping(self) -> None:
        self.run_alert("  a: {data: [ada, bob], each: data, to: '{{ row }}@example.org', subject: '{{ index }}'}")
        self.assertEqual([(str(mail["To"]), mail["Subject"]) for mail in self.mails],
                         [("ada@example.org", "0"), ("bob@example.org", "1")])  # fmt: skip
        self.run_alert("  a: {data: {x: [1]}, each: x, condition: '{\"x\": {\"k\": 5}}', to: a@example.org,"
                       " subject: '{{ index }}={{ row }}'}")  # fmt: skip
        self.assertEqual([mail["Subject"] for mail in self.mails], ["k=5"])

    def test_files_and_markdown(self) -> None:
        self.run_alert("""
  a: {to: a@example.org, data: sales.csv, htmlfile: letter.html}
""", args="<x>")  # fmt: skip
        self.assertEqual(self.mails[0].get_content().strip(), "<p>21 &lt;x&gt; <i>None</i>")
        self.run_alert("  a: {to: a@example.org, markdown: '**{{ 1 + 1 }}**'}")
        self.assertEqual(self.mails[0].get_content().strip(), "<p><strong>2</strong></p>")
        self.write("changes.txt", "later {{ args }}")
        self.run_alert("  a: {to: a@example.org, bodyfile: '{{ args }}.txt'}", args="changes")
        self.assertEqual(self.mails[0].get_content().strip(), "later changes")

    def test_conditions(self) -> None:
        self.run_alert("  a: {to: a@example.org, data: sales.csv, condition: len(data) > 5}")
        self.assertEqual(self.mails, [])
        self.assertEqual(self.lines[-1], "alert.a: nothing to say: the condition is False")
        self.run_alert("  a: {to: a@example.org, data: {sales: sales.csv}, condition: reports.high(sales),"
                       " body: '{{ len(data) }} of {{ len(sales) }}'}")  # fmt: skip
        self.assertEqual(self.mails[0].get_content().strip(), "2 of 3")

    def test_a_dry_run_sends_nothing_and_finds_what_could_not_be_sent(self) -> None:
        result = self.run_alert("  a: {dry_run: true, data: [a@x.org, b], each: data, to: '{{ row }}', subject: Hi}")
        self.assertEqual((self.mails, len(result["done"]), len(result["fail"])), ([], 1, 1))
        self.assertIn("alert.a: dry run: not sent to a@x.org: Hi", self.lines)

    def test_a_callback_gets_the_mails(self) -> None:
        alerts = self.alerts("  a: {to: a@example.org, subject: Hi}")
        found: list[Any] = []
        self.successResultOf(alerts["a"].run(callback=lambda **mail: found.append(mail)))
        self.assertEqual((found, self.mails), ([{"to": "a@example.org", "subject": "Hi"}], []))

    def test_user_code_runs_it_in_a_thread(self) -> None:
        alerts = self.alerts("  a: {to: a@example.org, subject: Hi}")
        result = self.successResultOf(self.app.gramex.shared.threads.run(lambda: alerts["a"].run()))
        self.assertEqual((len(result["done"]), len(self.mails)), (1, 1))

    def test_alerts_that_tell_of_others(self) -> None:
        self.run_alert("""
  a: {to: x, subject: Hi, notify: b}
  b: {to: b@example.org, body: '{{ len(args["done"]) }} {{ len(args["fail"]) }}'}
""")
        self.assertEqual([mail.get_content().strip() for mail in self.mails], ["0 1"])

    def test_at_their_times(self) -> None:
        self.alerts("  a: {to: a@example.org, subject: Hi, every: 10s}\n  b: {to: b@example.org, subject: Hey}")
        self.app.agent.clock.advance(10)
        self.assertEqual([mail["Subject"] for mail in self.mails], ["Hi"])
        self.successResultOf(self.app.gramex.shared.part(Scheduler).run_now("alert.b"))
        self.assertEqual(len(self.mails), 2)


class FailureTests(AlertCase):
    def test_missing_data_is_logged_with_its_name_and_nothing_is_sent(self) -> None:
        result = self.run_alert("  a: {data: {sales: nowhere.csv}, to: a@example.org}")
        self.assertIsInstance(result["fail"][0]["error"], DataError)
        self.assertEqual(self.mails, [])
        self.assertTrue(self.lines[-1].startswith("alert.a: nothing is sent: data.sales: "), self.lines[-1])
        self.assertIn("nowhere.csv", self.lines[-1])
        self.run_alert("  a: {data: {sales: {url: 'sqlite:///nowhere/x.db', table: t}}, to: a@example.org}")
        self.assertTrue(self.lines[-1].startswith("alert.a: nothing is sent: data.sales: "), self.lines[-1])

    def test_a_condition_that_raises(self) -> None:
        self.run_alert("  a: {data: [1], condition: reports.fail(data), to: a@example.org}")
        self.assertEqual(self.lines[-1], "alert.a: nothing is sent: no sales")
        self.assertEqual((len(self.forget_errors(ZeroDivisionError)), self.mails), (1, []))

    def test_a_template_that_raises_costs_its_mail_alone(self) -> None:
        result = self.run_alert("  a: {data: [0, 2], each: data, to: a@example.org, subject: '{{ 4 / row }}'}")
        self.assertEqual([mail["Subject"] for mail in self.mails], ["2.0"])
        text = "alert.a: mail 0 cannot be written: alert.a.subject: ZeroDivisionError: division by zero"
        self.assertIn(text, self.lines)
        self.assertEqual((len(result["fail"]), len(self.forget_errors(TemplateError))), (1, 1))

    def test_pictures_that_are_not_there_are_left_out_and_attachments_are_not(self) -> None:
        self.run_alert("  a: {to: a@example.org, html: x, images: {p: none.png}}")
        self.assertEqual(len(self.mails), 1)
        self.assertTrue(any("alert.a.images.p: left out: " in line for line in self.lines), self.lines)
        result = self.run_alert("  a: {to: a@example.org, html: x, attachments: [none.pdf]}")
        self.assertEqual((self.mails, len(result["fail"])), ([], 1))
        self.assertTrue(any("none.pdf" in line for line in self.lines), self.lines)

    def test_mistakes_are_told_with_their_lines(self) -> None:
        self.assertEqual(
            self.errors_of("""
  a: {to: a@example.org, service: third}
  b: {to: a@example.org, subject: '{{ nothing'}
  c: {to: a@example.org, html: '{% if row %}'}
  d: {to: a@example.org, bodyfile: none.txt}
  e: {to: a@example.org, data: [1], condition: reports.later(data)}
  f: {to: a@example.org, condition: reports.nothing()}
  g: {to: a@example.org, notify: z}
  h: {to: a@example.org, notify: i}
  i: {to: a@example.org, notify: h}
"""),
            [
                "6:26: alert.a.service: no mail service 'third' in email:; there is first, second",
                "7:26: alert.b.subject: line 1: Missing end expression }}",
                "8:26: alert.c.html: line 1: Missing {% end %} block for if",
                "9:26: alert.d.bodyfile: there is no file none.txt",
                "10:37: alert.e.condition: must be a plain function, and not async",
                '11:26: alert.f.condition: module reports has no function "nothing"',
                "12:26: alert.g.notify: there is no alert 'z'",
                "13:26: alert.h.notify: would never end: h -> i -> h",
                "14:26: alert.i.notify: would never end: i -> h -> i",
            ],
        )
        self.successResultOf(self.app.gramex.shared.part(Alerts)["h"].run())
        self.assertEqual(len(self.mails), 2)

    def test_without_any_mail_service(self) -> None:
        self.app = self.make_app("alert: {a: {to: a@example.org}}")
        self.assertIn("alert.a.service: no mail service None in email:; there is none", str(self.app.gramex.errors[0]))
        self.assertNotIn("a", self.app.gramex.shared.part(Alerts))

    def tearDown(self) -> None:
        sys.modules.pop("reports", None)
